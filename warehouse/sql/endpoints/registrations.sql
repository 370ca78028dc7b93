-- Players by when they registered; points as in overview_from_quarters.sql. A player's rows, one a
-- version until they are merged, have the same time of registration.
SELECT
    roundDown(toUnixTimestamp64Micro(registered_at), {points:Array(Int64)}) AS point,
    toInt64(uniqExact(user_id)) AS registrations
FROM players
WHERE
    operator_id = {operator_id:UInt16}
    AND registered_at >= {from_time:DateTime64(6, 'UTC')}
    AND registered_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY point
