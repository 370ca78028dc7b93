-- Each row of a dimension counts its changes in `version` and tells the warehouse of each: the
-- versions' sum at the batch with snapshot $1 is today's without the changes not yet sent.
-- Games belong to nobody and stand under operator 0.
SELECT operator_id, dimension, sum(versions)::bigint AS versions
FROM (
    SELECT operator_id::bigint AS operator_id, 'players' AS dimension, sum(version) AS versions
    FROM "user"
    GROUP BY operator_id
    UNION ALL
    SELECT 0, 'games', sum(version) FROM game
    UNION ALL
    SELECT operator_id, 'operators', version FROM operator
    UNION ALL
    SELECT coalesce((payload -> 'operator_id')::bigint, 0), topic, -count(*)
    FROM outbox
    WHERE
        topic IN ('players', 'games', 'operators')
        AND xid >= pg_snapshot_xmin($1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1, 2
) AS counted
GROUP BY operator_id, dimension
HAVING sum(versions) <> 0
