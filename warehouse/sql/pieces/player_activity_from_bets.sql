-- What decides whether a player was active and where one ranks: bets before and after whole days.
SELECT
    user_id,
    toInt64(if(bet_type = 'FREE_SPIN', 0, sign)) AS bets,
    toInt64(if(bet_type = 'FREE_SPIN', sign, 0)) AS free_spins,
    wager,
    win
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
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
