-- Rhythm: on which weekday and at which hour of the operator's own clock do players play?
--
-- Reading: one row an hour of the week, Monday is 1; bets and GGR are sums of the range, so compare
-- hours with each other, over whole weeks.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: quarter hours from
--   to_time = -0 days: quarter hours before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: read from quarters of an hour, which every time zone is a multiple of.
SELECT
    toDayOfWeek(local) AS weekday,
    toHour(local) AS hour,
    sum(q.bets) AS bets,
    sum(q.wager) AS wagered,
    sum(q.wager - q.win) AS ggr
FROM (
    SELECT
        bets,
        wager,
        win,
        toTimeZone(quarter, (
            SELECT any(time_zone) FROM tenant_operator(operator_id = {operator_id:UInt16})
        )) AS local
    FROM tenant_operator_quarters(operator_id = {operator_id:UInt16})
    WHERE
        quarter >= {from_time:DateTime64(6, 'UTC')}
        AND quarter < {to_time:DateTime64(6, 'UTC')}
        AND bet_type != 'FREE_SPIN'
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
) AS q
GROUP BY weekday, hour
HAVING bets != 0
ORDER BY weekday, hour
