-- The newest batch; everything about it but sent_at is fixed.
SELECT
    last.batch_no, last.stream_id, last.snapshot::text AS snapshot, last.as_of, last.row_count,
    last.chunk_rows, last.chunk_bytes, last.serializer_version,
    last.sent_at IS NOT NULL AS sent,
    pg_snapshot_xmax(previous.snapshot) AS lower_xid,
    ARRAY(SELECT pg_snapshot_xip(previous.snapshot)) AS stragglers,
    pg_snapshot_xmax(last.snapshot) AS upper_xid,
    ARRAY(SELECT pg_snapshot_xip(last.snapshot)) AS in_progress
FROM relay_batch AS last
LEFT JOIN relay_batch AS previous ON previous.batch_no = last.batch_no - 1
ORDER BY last.batch_no DESC
LIMIT 1
