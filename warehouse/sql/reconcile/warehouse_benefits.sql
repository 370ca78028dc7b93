-- Bonus cost, conversions, free spins granted and jackpots won by hour; see ledger_benefits.sql.
SELECT
    operator_id,
    formatDateTime(toStartOfHour(occurred_at), '%Y-%m-%d %H:00') AS hour,
    multiIf(
        t.kind != 'BONUS', t.kind,
        t.status = 'COMPLETED', 'CONVERTED',
        'BONUS_COST'
    ) AS kind,
    toInt64(countIf(t.kind != 'BONUS' OR t.status = 'COMPLETED')) AS events,
    sum(
        multiIf(
            t.status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
            t.amount
        )
    ) AS amount
FROM transactions AS t
WHERE
    (t.kind IN ('BONUS', 'JACKPOT') OR (t.kind = 'FREE_SPINS' AND t.status = 'GRANTED'))
    AND occurred_at >= {since:DateTime64(6, 'UTC')}
GROUP BY operator_id, hour, kind
HAVING events != 0 OR amount != 0
