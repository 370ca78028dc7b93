-- Cohort retention: of the players who registered in a week, how many bet in each week after?
--
-- Reading: week 0 is the week of registration; share is of the whole cohort, so it starts below 1
-- where some never bet. A cohort without players in a later week has no row for it.
-- Parameters:
--   operator_id: the operator
--   from_time = -84 days: registered from
--   to_time = now: registered before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: weeks are ISO weeks in UTC; the newest week of each cohort is not over yet. Rolled-back
-- bets do not count, free spins do.
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

played AS (
    SELECT
        user_id,
        toMonday(day) AS week
    FROM tenant_player_daily(operator_id = {operator_id:UInt16})
    WHERE day >= toDate({from_time:DateTime64(6, 'UTC')})
    GROUP BY user_id, week
    HAVING sum(bets) + sum(free_spins) > 0
)

SELECT
    cohort.cohort_week AS cohort_week,
    any(sizes.players) AS players,
    intDiv(dateDiff('day', cohort.cohort_week, played.week), 7) AS week,
    count() AS active_players,
    round(active_players / players, 4) AS share
FROM cohort
INNER JOIN played ON played.user_id = cohort.user_id
INNER JOIN sizes ON sizes.cohort_week = cohort.cohort_week
GROUP BY cohort_week, week
ORDER BY cohort_week, week
