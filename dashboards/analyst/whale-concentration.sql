-- Whales: how much of the wagers and of the GGR comes from the top players?
--
-- Reading: the Lorenz curve from its top end: the first row is the share of the top 1 % of the
-- active players by wagers, the last that of all of them. gini is 0 if all wager alike, near 1 if
-- one wagers everything. The top is never less than one player.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: days from
--   to_time = now: days before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: whole UTC days. GGR may be negative, so a share of it may exceed 1.
WITH ranked AS (
    SELECT
        row_number() OVER (ORDER BY wagered DESC, user_id) AS place,
        wagered,
        ggr
    FROM (
        SELECT
            user_id,
            sum(wager) AS wagered,
            sum(wager) - sum(win) AS ggr
        FROM tenant_player_daily(operator_id = {operator_id:UInt16})
        WHERE
            day >= toDate({from_time:DateTime64(6, 'UTC')})
            AND toDateTime(day, 'UTC') < {to_time:DateTime64(6, 'UTC')}
            AND ({include_bots:UInt8} = 1 OR is_bot = 0)
        GROUP BY user_id
        HAVING sum(bets) > 0
    )
),

whole AS (
    SELECT
        count() AS n,
        sum(wagered) AS wagers,
        sum(ggr) AS total_ggr,
        (n + 1 - 2 * sum(toFloat64(wagered) * place) / nullIf(toFloat64(wagers), 0)) / n AS gini
    FROM ranked
)

SELECT
    percent AS top_percent,
    count() AS players,
    sum(ranked.wagered) AS wagered,
    round(wagered / nullIf(any(whole.wagers), 0), 4) AS wager_share,
    sum(ranked.ggr) AS ggr,
    round(ggr / nullIf(any(whole.total_ggr), 0), 4) AS ggr_share,
    round(any(whole.gini), 4) AS gini
FROM ranked
CROSS JOIN whole
ARRAY JOIN [1, 5, 10, 20, 50, 100] AS percent
WHERE ranked.place <= greatest(1, intDiv(whole.n * percent, 100))
GROUP BY percent
ORDER BY percent
