-- Only what the last sent batch has covered is consumed.
SELECT outbox_drop_consumed(
    $1,
    (SELECT snapshot FROM relay_batch WHERE sent_at IS NOT NULL ORDER BY batch_no DESC LIMIT 1)
)
