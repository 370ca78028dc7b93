-- Rows of the batches planned from $1 on, and when the last of them was in the warehouse.
SELECT sum(row_count)::bigint AS rows, max(sent_at) AS finished, count(*) AS batches
FROM relay_batch
WHERE planned_at >= $1
