-- Sessions: how long do players of each VIP level stay, and how fast do they play?
--
-- Reading: a session ends where a player makes no bet for gap_minutes; minutes are from its first
-- bet to its last. Medians, since a few long sessions pull every mean.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: bets from
--   to_time = now: bets before
--   include_bots = 1: 0 leaves demo traffic out
--   gap_minutes = 30: a longer pause begins another session
-- Caveats: sessions across the edges of the range are cut there. Free spins count as bets here;
-- rolled-back bets do not. The level is the one after the session's last bet.
WITH standing AS (
    SELECT
        bet_id,
        any(user_id) AS user_id,
        any(created_at) AS at,
        argMax(b.vip_level, b.sign) AS level,
        any(b.wager) AS stake
    FROM tenant_bets(operator_id = {operator_id:UInt16}) AS b
    WHERE
        created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY bet_id
    HAVING sum(sign) = 1
),

gaps AS (
    SELECT
        user_id,
        bet_id,
        at,
        level,
        stake,
        at > lagInFrame(at, 1, toDateTime64('1970-01-01 00:00:00', 6, 'UTC')) OVER (
            PARTITION BY user_id ORDER BY at, bet_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) + toIntervalMinute({gap_minutes:UInt32}) AS begins
    FROM standing
),

numbered AS (
    SELECT
        user_id,
        at,
        level,
        stake,
        sum(begins) OVER (
            PARTITION BY user_id ORDER BY at, bet_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS session
    FROM gaps
),

sessions AS (
    SELECT
        user_id,
        argMax(numbered.level, at) AS level,
        count() AS bets,
        sum(stake) AS wagered,
        dateDiff('microsecond', min(at), max(at)) / 6e7 AS minutes
    FROM numbered
    GROUP BY user_id, session
)

SELECT
    level,
    count() AS sessions,
    uniqExact(user_id) AS players,
    round(quantileExactInclusive(0.5)(minutes), 2) AS median_minutes,
    round(quantileExactInclusive(0.9)(minutes), 2) AS long_minutes,
    round(quantileExactInclusive(0.5)(bets), 1) AS median_bets,
    round(quantileExactInclusive(0.5)(wagered), 1) AS median_wagered
FROM sessions
GROUP BY level
ORDER BY level
