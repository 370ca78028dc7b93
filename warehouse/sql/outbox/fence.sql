-- Holds the newest batch while the next one is planned: one planner at a time, whoever believes
-- to be the leader. Fails at once if somebody else holds it.
SELECT batch_no, sent_at IS NOT NULL AS sent
FROM relay_batch
ORDER BY batch_no DESC
LIMIT 1
FOR UPDATE NOWAIT
