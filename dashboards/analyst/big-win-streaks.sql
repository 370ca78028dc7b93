-- Big-win streaks: which players won the most bets in a row?
--
-- Reading: a streak is a run of one player's consecutive bets that each paid more than they cost;
-- won is what it brought beyond its wagers, in minor units. Long runs of small wins are luck of
-- frequent games; a long run on a game of high volatility deserves a look.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: bets from
--   to_time = now: bets before
--   include_bots = 1: 0 leaves demo traffic out
--   limit = 50: how many streaks
-- Caveats: rolled-back bets are left out, and so do not end a streak; free spins are no bets here.
WITH standing AS (
    SELECT
        bet_id,
        any(user_id) AS user_id,
        any(created_at) AS at,
        any(wager) AS stake,
        any(win) AS won
    FROM tenant_bets(operator_id = {operator_id:UInt16})
    WHERE
        created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND bet_type != 'FREE_SPIN'
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY bet_id
    HAVING sum(sign) = 1
),

numbered AS (
    SELECT
        user_id,
        at,
        stake,
        won,
        won > stake AS good,
        row_number() OVER (PARTITION BY user_id ORDER BY at, bet_id)
        - row_number() OVER (PARTITION BY user_id, won > stake ORDER BY at, bet_id) AS run
    FROM standing
)

SELECT
    numbered.user_id AS user_id,
    any(players.username) AS username,
    min(numbered.at) AS began_at,
    max(numbered.at) AS ended_at,
    count() AS bets,
    sum(numbered.won - numbered.stake) AS won
FROM numbered
LEFT JOIN tenant_players(operator_id = {operator_id:UInt16}) AS players
    ON players.user_id = numbered.user_id
WHERE good
GROUP BY user_id, run
ORDER BY bets DESC, won DESC, user_id, began_at
LIMIT {limit:UInt32}
