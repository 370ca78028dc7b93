-- Churn risk: who has been away for much longer than they usually are?
--
-- Reading: usual_gap_days is the mean time between a player's days of play, risk how many such
-- gaps the present absence is; above 3 the player has probably left. Worth most first.
-- Parameters:
--   operator_id: the operator
--   from_time = -84 days: days of play from
--   to_time = now: seen from this moment
--   include_bots = 1: 0 leaves demo traffic out
--   min_days = 3: days of play a player needs to have a habit
--   limit = 100: how many players
-- Caveats: days are UTC days; players with fewer days of play are left out, whatever they left.
SELECT
    played.user_id AS user_id,
    players.username AS username,
    players.vip_level AS vip_level,
    played.days AS days,
    played.last_day AS last_day,
    dateDiff('day', played.last_day, toDate({to_time:DateTime64(6, 'UTC')})) AS away_days,
    round(dateDiff('day', played.first_day, played.last_day) / (played.days - 1), 2)
        AS usual_gap_days,
    round(away_days / usual_gap_days, 2) AS risk,
    played.ggr AS ggr
FROM (
    SELECT
        user_id,
        count() AS days,
        min(day) AS first_day,
        max(day) AS last_day,
        sum(day_ggr) AS ggr
    FROM (
        SELECT
            user_id,
            day,
            sum(bets) AS bets,
            sum(wager) - sum(win) AS day_ggr
        FROM tenant_player_daily(operator_id = {operator_id:UInt16})
        WHERE
            day >= toDate({from_time:DateTime64(6, 'UTC')})
            AND toDateTime(day, 'UTC') < {to_time:DateTime64(6, 'UTC')}
            AND ({include_bots:UInt8} = 1 OR is_bot = 0)
        GROUP BY user_id, day
        HAVING bets > 0
    )
    GROUP BY user_id
    HAVING days >= greatest({min_days:UInt32}, 2)
) AS played
INNER JOIN tenant_players(operator_id = {operator_id:UInt16}) AS players
    ON players.user_id = played.user_id
ORDER BY risk DESC, user_id
LIMIT {limit:UInt32}
