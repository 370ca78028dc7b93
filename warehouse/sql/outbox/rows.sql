-- The rows of a batch, always the same and in the same order: committed as its snapshot $4 saw it,
-- by transactions that were in progress in the snapshot before ($1) or began after it ($2 to $3).
-- What happened, a bet, a step of a transaction or a registration, counts at that time.
SELECT
    xid, seq, topic, payload::text AS payload, (payload -> 'operator_id')::int AS operator_id,
    created_at,
    coalesce(
        payload ->> 'occurred_at',
        payload ->> 'created_at',
        CASE WHEN (payload -> 'version')::int = 1 THEN payload ->> 'registered_at' END
    )::timestamptz AS happened_at
FROM outbox
WHERE xid = ANY(ARRAY(
    SELECT straggler FROM unnest($1::xid8 []) AS straggler
    WHERE pg_visible_in_snapshot(straggler, $4::text::pg_snapshot)
))
UNION ALL
SELECT
    xid, seq, topic, payload::text, (payload -> 'operator_id')::int, created_at,
    coalesce(
        payload ->> 'occurred_at',
        payload ->> 'created_at',
        CASE WHEN (payload -> 'version')::int = 1 THEN payload ->> 'registered_at' END
    )::timestamptz
FROM outbox
WHERE xid >= $2::xid8 AND xid < $3::xid8 AND pg_visible_in_snapshot(xid, $4::text::pg_snapshot)
ORDER BY xid, seq
