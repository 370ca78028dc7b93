-- What the warehouse must hold of payments after the batch with snapshot $1, from $2 on.
SELECT
    operator_id,
    to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00') AS hour,
    kind,
    status,
    sum(events)::bigint AS events,
    sum(amount)::bigint AS amount,
    sum(fee)::bigint AS fee
FROM (
    SELECT
        e.operator_id,
        date_trunc('hour', e.occurred_at, 'UTC') AS hour,
        t.kind,
        e.to_status AS status,
        count(*) AS events,
        sum(t.amount) AS amount,
        sum(t.fee) AS fee
    FROM transaction_event AS e
    INNER JOIN transaction AS t
        ON e.operator_id = t.operator_id AND e.transaction_id = t.transaction_id
    WHERE e.occurred_at >= $2
    GROUP BY e.operator_id, hour, t.kind, e.to_status
    UNION ALL
    SELECT
        (payload -> 'operator_id')::bigint,
        date_trunc('hour', (payload ->> 'occurred_at')::timestamptz, 'UTC') AS hour,
        payload ->> 'kind',
        payload ->> 'status',
        -count(*),
        -sum((payload -> 'amount')::bigint),
        -sum((payload -> 'fee')::bigint)
    FROM outbox
    WHERE
        topic = 'transactions'
        AND payload ->> 'kind' IN ('DEPOSIT', 'WITHDRAWAL')
        AND (payload ->> 'occurred_at')::timestamptz >= $2
        AND xid >= pg_snapshot_xmin($1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1, 2, 3, 4
) AS counted
GROUP BY operator_id, hour, kind, status
HAVING sum(events) <> 0
