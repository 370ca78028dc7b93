-- Whether rows that the snapshot $1 saw are not sent yet. The bound on xid spares the index what
-- every batch so far has covered.
WITH sent AS (
    SELECT snapshot FROM relay_batch WHERE sent_at IS NOT NULL ORDER BY batch_no DESC LIMIT 1
)

SELECT EXISTS (
    SELECT FROM outbox, sent
    WHERE
        outbox.xid >= pg_snapshot_xmin(sent.snapshot)
        AND pg_visible_in_snapshot(outbox.xid, $1::text::pg_snapshot)
        AND NOT pg_visible_in_snapshot(outbox.xid, sent.snapshot)
)
