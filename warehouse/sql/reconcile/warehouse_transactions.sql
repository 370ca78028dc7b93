SELECT
    operator_id,
    formatDateTime(toStartOfHour(occurred_at), '%Y-%m-%d %H:00') AS hour,
    kind,
    status,
    toInt64(count()) AS events,
    sum(t.amount) AS amount,
    sum(t.fee) AS fee
FROM transactions AS t
WHERE
    kind IN ('DEPOSIT', 'WITHDRAWAL')
    AND occurred_at >= {since:DateTime64(6, 'UTC')}
GROUP BY operator_id, hour, kind, status
