-- Rows committed before snapshot $1 that no sent batch covers yet.
SELECT count(*) FROM outbox
WHERE
    pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(
        xid,
        (
            SELECT snapshot FROM relay_batch
            WHERE sent_at IS NOT NULL
            ORDER BY batch_no DESC
            LIMIT 1
        )
    )
