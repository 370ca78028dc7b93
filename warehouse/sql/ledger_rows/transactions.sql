-- The money events of transactions that began in [$2, $3), as batches up to snapshot $1 told them.
SELECT payload::text AS payload
FROM money_event
WHERE
    topic = 'transactions'
    AND created_at >= $2 AND created_at < $3
    AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
