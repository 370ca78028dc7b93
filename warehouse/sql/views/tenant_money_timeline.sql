-- Two periods that meet, the earlier and the later: each one's whole quarters of an hour by rollup,
-- what is before, between and after them from transactions.
CREATE OR REPLACE VIEW tenant_money_timeline AS
SELECT
    toInt64(toUnixTimestamp(quarter)) * 1000000 AS at,
    kind,
    status,
    method,
    is_bot,
    events,
    amount,
    fee,
    liability_delta,
    first_deposits
FROM transaction_quarters
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            quarter >= {earlier_whole_from:DateTime64(6, 'UTC')}
            AND quarter < {earlier_whole_to:DateTime64(6, 'UTC')}
        ) OR (
            quarter >= {whole_from:DateTime64(6, 'UTC')}
            AND quarter < {whole_to:DateTime64(6, 'UTC')}
        )
    )
UNION ALL
SELECT
    toUnixTimestamp64Micro(occurred_at) AS at,
    kind,
    status,
    method,
    is_bot,
    toInt64(1) AS events,
    amount,
    fee,
    liability_delta,
    toInt64(first_deposit) AS first_deposits
FROM transactions
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            occurred_at >= {earlier_from:DateTime64(6, 'UTC')}
            AND occurred_at < {earlier_whole_from:DateTime64(6, 'UTC')}
        ) OR (
            occurred_at >= {earlier_whole_to:DateTime64(6, 'UTC')}
            AND occurred_at < {whole_from:DateTime64(6, 'UTC')}
        ) OR (
            occurred_at >= {whole_to:DateTime64(6, 'UTC')}
            AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
COMMENT 'One operator''s money in two periods that meet: whole quarters by rollup, edges from rows'
