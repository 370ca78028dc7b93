-- Players by point of a series in which they registered; points as in overview.sql.
SELECT
    roundDown(toUnixTimestamp64Micro(registered_at), {run_starts:Array(Int64)}) AS run,
    transform(
        run, {run_starts:Array(Int64)}, {run_steps:Array(Int64)}, toInt64(1)
    ) AS step,
    run + intDiv(toUnixTimestamp64Micro(registered_at) - run, step) * step AS point,
    count() AS registrations
FROM tenant_players(operator_id = {operator_id:UInt16})
WHERE
    registered_at >= {from_time:DateTime64(6, 'UTC')}
    AND registered_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY run, step, point
ORDER BY point
