-- Of every bet whose transaction began from $1 to $2, how long in seconds until the batch that
-- carries it was in every table and rollup: the relay marks a batch after ClickHouse has confirmed
-- the last of its inserts, and an insert is confirmed when every view has its rows.
SELECT extract(EPOCH FROM carried.sent_at - o.created_at)::float8 AS seconds
FROM outbox AS o,
    LATERAL (
        SELECT b.sent_at FROM relay_batch AS b
        WHERE b.batch_no > $3 AND pg_visible_in_snapshot(o.xid, b.snapshot)
        ORDER BY b.batch_no
        LIMIT 1
    ) AS carried
WHERE o.topic = 'bets' AND o.created_at >= $1 AND o.created_at < $2
