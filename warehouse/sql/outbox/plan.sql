-- Fixes the batch after $1 as what this statement's snapshot adds to the last batch's
-- ($2 its xmax, $3 its transactions in progress). The primary key refuses a second one.
INSERT INTO relay_batch (
    batch_no, stream_id, snapshot, as_of, row_count, chunk_rows, chunk_bytes, serializer_version
)
SELECT
    last.batch_no + 1, last.stream_id, pg_current_snapshot(), now(),
    (
        SELECT count(*) FROM outbox
        WHERE xid >= $2::xid8 AND xid < pg_snapshot_xmax(pg_current_snapshot())
    ) + (
        SELECT count(*) FROM outbox
        WHERE xid = ANY(ARRAY(
            SELECT straggler FROM unnest($3::xid8 []) AS straggler
            WHERE pg_visible_in_snapshot(straggler, pg_current_snapshot())
        ))
    ),
    $4, $5, $6
FROM relay_batch AS last
WHERE last.batch_no = $1
