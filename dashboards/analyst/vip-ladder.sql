-- VIP ladder: how many players stand on each level, and what does each level bring?
--
-- Reading: players are all of the level now, active those who bet in the period; GGR and wagers of
-- the period in minor units. levels_gained counts level-ups into the level in the period.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: days from
--   to_time = now: days before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: whole UTC days; what a player did on the way counts for the level held now.
WITH played AS (
    SELECT
        user_id,
        sum(bets) AS bets,
        sum(wager) AS wagered,
        sum(wager) - sum(win) AS ggr
    FROM tenant_player_daily(operator_id = {operator_id:UInt16})
    WHERE
        day >= toDate({from_time:DateTime64(6, 'UTC')})
        AND toDateTime(day, 'UTC') < {to_time:DateTime64(6, 'UTC')}
    GROUP BY user_id
),

gained AS (
    SELECT
        toUInt8OrZero(reason) AS level,
        count() AS levels_gained
    FROM tenant_transactions(operator_id = {operator_id:UInt16})
    WHERE
        kind = 'VIP_LEVEL'
        AND occurred_at >= toStartOfDay({from_time:DateTime64(6, 'UTC')})
        AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY level
)

SELECT
    players.vip_level AS level,
    count() AS players,
    countIf(played.bets > 0) AS active_players,
    any(gained.levels_gained) AS levels_gained,
    sum(played.wagered) AS wagered,
    sum(played.ggr) AS ggr,
    round(ggr / nullIf(active_players, 0), 2) AS ggr_per_active_player
FROM tenant_players(operator_id = {operator_id:UInt16}) AS players
LEFT JOIN played ON played.user_id = players.user_id
LEFT JOIN gained ON gained.level = players.vip_level
WHERE {include_bots:UInt8} = 1 OR players.is_bot = 0
GROUP BY level
ORDER BY level
