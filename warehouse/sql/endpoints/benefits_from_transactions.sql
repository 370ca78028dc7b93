-- The same as benefits_from_quarters.sql before and after those quarters.
SELECT
    kind,
    method,
    status,
    toInt64(count()) AS events,
    sum(t.amount) AS amount
FROM transactions AS t
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            occurred_at >= {from_time:DateTime64(6, 'UTC')}
            AND occurred_at < {whole_from:DateTime64(6, 'UTC')}
        ) OR (
            occurred_at >= {whole_to:DateTime64(6, 'UTC')}
            AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
    AND kind IN ('BONUS', 'FREE_SPINS', 'JACKPOT')
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY kind, method, status
