-- Keeps the relay from planning while the warehouse is read; it must have sent the newest batch.
SELECT batch_no, snapshot::text AS snapshot, sent_at IS NOT NULL AS sent
FROM relay_batch
ORDER BY batch_no DESC
LIMIT 1
FOR UPDATE
