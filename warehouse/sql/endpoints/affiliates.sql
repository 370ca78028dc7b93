-- What the players of each affiliate left in [from_time, to_time): GGR from the players' rollups,
-- bonus cost from the bonuses' events.
-- Players of no affiliate are left out.
SELECT
    affiliate_id,
    sum(parts.players) AS players,
    sum(parts.bets) AS bets,
    sum(parts.wager) AS wager,
    sum(parts.ggr) AS ggr,
    sum(parts.bonus_cost) AS bonus_cost
FROM (
    SELECT
        players.affiliate_id AS affiliate_id,
        toInt64(uniqExactIf(figures.user_id, figures.bets != 0)) AS players,
        sum(figures.bets) AS bets,
        sum(figures.wager) AS wager,
        sum(figures.wager - figures.win) AS ggr,
        toInt64(0) AS bonus_cost
    FROM (
        SELECT
            user_id,
            sum(f.bets) AS bets,
            sum(f.wager) AS wager,
            sum(f.win) AS win
        FROM ($pieces) AS f
        GROUP BY user_id
    ) AS figures
    INNER JOIN players FINAL ON players.user_id = figures.user_id
    WHERE players.operator_id = {operator_id:UInt16} AND players.affiliate_id != 0
    GROUP BY affiliate_id
    UNION ALL
    SELECT
        affiliate_id,
        toInt64(0) AS players,
        toInt64(0) AS bets,
        toInt64(0) AS wager,
        toInt64(0) AS ggr,
        sum(
            multiIf(
                t.status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
                t.status = 'COMPLETED', 0,
                t.amount
            )
        ) AS bonus_cost
    FROM transactions AS t
    WHERE
        operator_id = {operator_id:UInt16}
        AND kind = 'BONUS'
        AND affiliate_id != 0
        AND occurred_at >= {from_time:DateTime64(6, 'UTC')}
        AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY affiliate_id
) AS parts
GROUP BY affiliate_id
ORDER BY affiliate_id
