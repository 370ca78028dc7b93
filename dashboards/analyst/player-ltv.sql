-- Player lifetime value: what has a registration cohort brought by each week of its life?
--
-- Reading: amounts are cumulative minor units of the operator's currency up to and including the
-- week; ngr is GGR less bonus cost less jackpot contributions, per player of the whole cohort.
-- Parameters:
--   operator_id: the operator
--   from_time = -84 days: registered from
--   to_time = now: registered before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: weeks are ISO weeks in UTC. Affiliates' shares are settled weekly per affiliate and are
-- not taken off here; affiliate-value shows their players.
WITH cohort AS (
    SELECT
        user_id,
        toMonday(registered_at) AS cohort_week
    FROM tenant_players(operator_id = {operator_id:UInt16})
    WHERE
        registered_at >= {from_time:DateTime64(6, 'UTC')}
        AND registered_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
),

sizes AS (
    SELECT
        cohort_week,
        count() AS players
    FROM cohort
    GROUP BY cohort_week
),

moves AS (
    SELECT
        user_id,
        toMonday(day) AS week,
        sum(wager) - sum(win) AS ggr,
        sum(jackpot_contribution_e4) AS contribution_e4,
        0 AS bonus_cost,
        0 AS deposits
    FROM tenant_player_daily(operator_id = {operator_id:UInt16})
    GROUP BY user_id, week
    UNION ALL
    SELECT
        user_id,
        toMonday(occurred_at) AS week,
        0 AS ggr,
        0 AS contribution_e4,
        sumIf(multiIf(
            t.status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
            t.status = 'COMPLETED', 0,
            t.amount
        ), t.kind = 'BONUS') AS bonus_cost,
        sumIf(
            if(t.status = 'COMPLETED', t.amount, -t.amount),
            t.kind = 'DEPOSIT' AND t.status IN ('COMPLETED', 'REVERSED')
        ) AS deposits
    FROM tenant_transactions(operator_id = {operator_id:UInt16}) AS t
    WHERE kind IN ('BONUS', 'DEPOSIT')
    GROUP BY user_id, week
),

weekly AS (
    SELECT
        cohort.cohort_week AS cohort_week,
        intDiv(dateDiff('day', cohort.cohort_week, moves.week), 7) AS week,
        sum(moves.ggr) AS ggr,
        sum(moves.bonus_cost) AS bonus_cost,
        sum(moves.contribution_e4) AS contribution_e4,
        sum(moves.deposits) AS deposits
    FROM cohort
    INNER JOIN moves ON moves.user_id = cohort.user_id
    GROUP BY cohort_week, week
)

SELECT
    weekly.cohort_week AS cohort_week,
    weekly.week AS week,
    sizes.players AS players,
    sum(weekly.deposits) OVER life AS deposits,
    sum(weekly.ggr) OVER life AS ggr,
    sum(weekly.bonus_cost) OVER life AS bonus_cost,
    intDiv(sum(weekly.contribution_e4) OVER life, 10000) AS jackpot_contributions,
    round((ggr - bonus_cost - jackpot_contributions) / players, 2) AS ngr_per_player
FROM weekly
INNER JOIN sizes ON sizes.cohort_week = weekly.cohort_week
WINDOW life AS (
    PARTITION BY weekly.cohort_week ORDER BY weekly.week
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
ORDER BY cohort_week, week
