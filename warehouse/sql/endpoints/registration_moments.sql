-- When players registered, in microseconds since 1970. A player's rows, one a version until they
-- are merged, have the same time of registration.
SELECT toUnixTimestamp64Micro(registered_at) AS moment
FROM players
WHERE
    operator_id = {operator_id:UInt16}
    AND registered_at >= {from_time:DateTime64(6, 'UTC')}
    AND registered_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY user_id, registered_at
ORDER BY moment
