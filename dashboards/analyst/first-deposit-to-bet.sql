-- First steps: how long from registration to the first deposit, and from there to the first bet?
--
-- Reading: one row a registration week with medians in minutes; players who have not got so far
-- are counted in none of the medians, so read them with the counts.
-- Parameters:
--   operator_id: the operator
--   from_time = -84 days: registered from
--   to_time = now: registered before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: ISO weeks in UTC. A first bet before the first deposit (a bonus) counts as 0 minutes.
WITH deposits AS (
    SELECT
        user_id,
        min(occurred_at) AS first_at
    FROM tenant_transactions(operator_id = {operator_id:UInt16})
    WHERE kind = 'DEPOSIT' AND status = 'COMPLETED' AND first_deposit = 1
    GROUP BY user_id
),

bets AS (
    SELECT
        user_id,
        min(created_at) AS first_at
    FROM tenant_bets(operator_id = {operator_id:UInt16})
    WHERE sign = 1
    GROUP BY user_id
),

steps AS (
    SELECT
        toMonday(players.registered_at) AS week,
        deposits.user_id != toUUID('00000000-0000-0000-0000-000000000000') AS deposited,
        deposited AND bets.user_id = players.user_id AS played,
        dateDiff('microsecond', players.registered_at, deposits.first_at) / 6e7 AS to_deposit,
        greatest(0, dateDiff('microsecond', deposits.first_at, bets.first_at) / 6e7) AS to_bet
    FROM tenant_players(operator_id = {operator_id:UInt16}) AS players
    LEFT JOIN deposits ON deposits.user_id = players.user_id
    LEFT JOIN bets ON bets.user_id = players.user_id
    WHERE
        players.registered_at >= {from_time:DateTime64(6, 'UTC')}
        AND players.registered_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR players.is_bot = 0)
)

SELECT
    week,
    count() AS players,
    countIf(deposited) AS depositors,
    round(quantileExactInclusiveOrNullIf(0.5)(to_deposit, deposited), 2) AS median_to_deposit,
    countIf(played) AS bettors,
    round(quantileExactInclusiveOrNullIf(0.5)(to_bet, played), 2) AS median_to_bet
FROM steps
GROUP BY week
ORDER BY week
