-- Deposit funnel: how far do new players get from registration to a second deposit?
--
-- Reading: one row a step with the players who got there and the share of those who registered.
-- A step counts whenever it was taken, up to now.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: registered from
--   to_time = now: registered before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: a deposit that was charged back was a deposit. Players of the last days have had little
-- time; compare ranges of the same age.
WITH cohort AS (
    SELECT user_id
    FROM tenant_players(operator_id = {operator_id:UInt16})
    WHERE
        registered_at >= {from_time:DateTime64(6, 'UTC')}
        AND registered_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
),

payments AS (
    SELECT
        user_id,
        countIf(kind = 'DEPOSIT' AND status = 'PENDING') AS started,
        countIf(kind = 'DEPOSIT' AND status = 'COMPLETED') AS completed,
        countIf(kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawn
    FROM tenant_transactions(operator_id = {operator_id:UInt16})
    WHERE kind IN ('DEPOSIT', 'WITHDRAWAL') AND user_id IN (SELECT user_id FROM cohort)
    GROUP BY user_id
),

play AS (
    SELECT
        user_id,
        sum(bets) AS bets
    FROM tenant_player_daily(operator_id = {operator_id:UInt16})
    WHERE user_id IN (SELECT user_id FROM cohort)
    GROUP BY user_id
),

reached AS (
    SELECT
        count() AS registered,
        countIf(payments.started > 0) AS started,
        countIf(payments.completed > 0) AS deposited,
        countIf(payments.completed > 0 AND play.bets > 0) AS played,
        countIf(payments.completed > 1) AS deposited_again,
        countIf(payments.withdrawn > 0) AS withdrew
    FROM cohort
    LEFT JOIN payments ON payments.user_id = cohort.user_id
    LEFT JOIN play ON play.user_id = cohort.user_id
)

SELECT
    pair.1 AS step,
    pair.2 AS players,
    round(players / nullIf(registered, 0), 4) AS share
FROM reached
ARRAY JOIN [
    ('1 registered', registered),
    ('2 began a deposit', started),
    ('3 completed a deposit', deposited),
    ('4 played after it', played),
    ('5 deposited again', deposited_again),
    ('6 withdrew', withdrew)
] AS pair
ORDER BY step
