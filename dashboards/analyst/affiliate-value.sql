-- Affiliate value: what do the players that each affiliate brought deposit, play and leave?
--
-- Reading: net = GGR less bonus cost, the base of the affiliate's share; affiliate 0 are players
-- who came by themselves. Amounts in minor units.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: bets and payments from
--   to_time = now: before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: registered counts all players ever brought. Over one ISO week net is the statement's.
WITH registered AS (
    SELECT
        affiliate_id,
        count() AS players
    FROM tenant_players(operator_id = {operator_id:UInt16})
    WHERE {include_bots:UInt8} = 1 OR is_bot = 0
    GROUP BY affiliate_id
),

played AS (
    SELECT
        affiliate_id,
        uniqExact(user_id) AS players,
        sum(player_wager) AS wagered,
        sum(player_ggr) AS ggr
    FROM (
        SELECT
            affiliate_id,
            user_id,
            sum(sign) AS bets,
            sum(wager) AS player_wager,
            sum(b.ggr) AS player_ggr
        FROM tenant_bets(operator_id = {operator_id:UInt16}) AS b
        WHERE
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
            AND bet_type != 'FREE_SPIN'
            AND ({include_bots:UInt8} = 1 OR is_bot = 0)
        GROUP BY affiliate_id, user_id
        HAVING bets > 0
    )
    GROUP BY affiliate_id
),

paid AS (
    SELECT
        affiliate_id,
        uniqExactIf(user_id, t.kind = 'DEPOSIT' AND t.status = 'COMPLETED') AS depositors,
        sumIf(
            if(t.status = 'COMPLETED', t.amount, -t.amount),
            t.kind = 'DEPOSIT' AND t.status IN ('COMPLETED', 'REVERSED')
        ) AS deposits,
        sumIf(multiIf(
            t.status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
            t.status = 'COMPLETED', 0,
            t.amount
        ), t.kind = 'BONUS') AS bonus_cost
    FROM tenant_transactions(operator_id = {operator_id:UInt16}) AS t
    WHERE
        occurred_at >= {from_time:DateTime64(6, 'UTC')}
        AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY affiliate_id
)

SELECT
    registered.affiliate_id AS affiliate_id,
    registered.players AS registered,
    played.players AS active_players,
    paid.depositors AS depositors,
    paid.deposits AS deposits,
    played.wagered AS wagered,
    played.ggr AS ggr,
    paid.bonus_cost AS bonus_cost,
    played.ggr - paid.bonus_cost AS net,
    round(net / nullIf(played.players, 0), 2) AS net_per_active_player
FROM registered
LEFT JOIN played ON played.affiliate_id = registered.affiliate_id
LEFT JOIN paid ON paid.affiliate_id = registered.affiliate_id
ORDER BY affiliate_id
