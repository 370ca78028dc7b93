-- Who played, as in tenant_player_figures but without the money: planning a query takes time for
-- each column of each branch, read or not.
CREATE OR REPLACE VIEW tenant_player_activity AS
SELECT
    user_id,
    is_bot,
    bet_type,
    bets,
    free_spins
FROM player_monthly
WHERE
    operator_id = {operator_id:UInt16}
    AND month >= toDate({coarse_from:DateTime64(6, 'UTC')})
    AND month < toDate({coarse_to:DateTime64(6, 'UTC')})
UNION ALL
SELECT
    user_id,
    is_bot,
    bet_type,
    bets,
    free_spins
FROM player_daily
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            day >= toDate({fine_from:DateTime64(6, 'UTC')})
            AND day < toDate({coarse_from:DateTime64(6, 'UTC')})
        ) OR (
            day >= toDate({coarse_to:DateTime64(6, 'UTC')})
            AND day < toDate({fine_to:DateTime64(6, 'UTC')})
        )
    )
UNION ALL
SELECT
    user_id,
    is_bot,
    bet_type,
    toInt64(if(bet_type = 'FREE_SPIN', 0, sign)) AS bets,
    toInt64(if(bet_type = 'FREE_SPIN', sign, 0)) AS free_spins
FROM bets
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {fine_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {fine_to:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
COMMENT 'How much one operator''s players played in [from, to): months, days, edges from bets'
