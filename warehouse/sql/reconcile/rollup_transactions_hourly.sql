-- Where transactions_hourly and the transactions it sums disagree: rollup minus transactions.
SELECT
    operator_id,
    concat(grain, ' ', kind, ' ', status, ' ', method, ' bot ', toString(is_bot)) AS key,
    sum(d.events) AS events,
    sum(d.amount) AS amount,
    sum(d.fee) AS fee,
    sum(d.real_delta) AS real_delta,
    sum(d.bonus_delta) AS bonus_delta,
    sum(d.held_delta) AS held_delta,
    sum(d.first_deposits) AS first_deposits
FROM (
    SELECT
        operator_id,
        toString(hour) AS grain,
        kind,
        status,
        method,
        is_bot,
        toInt128(events) AS events,
        toInt128(amount) AS amount,
        toInt128(fee) AS fee,
        toInt128(real_delta) AS real_delta,
        toInt128(bonus_delta) AS bonus_delta,
        toInt128(held_delta) AS held_delta,
        toInt128(first_deposits) AS first_deposits
    FROM transactions_hourly
    WHERE hour >= toStartOfHour({since:DateTime64(6, 'UTC')})
    UNION ALL
    SELECT
        operator_id,
        toString(toStartOfHour(occurred_at)) AS grain,
        kind,
        status,
        method,
        is_bot,
        -toInt128(1) AS events,
        -toInt128(raw.amount) AS amount,
        -toInt128(raw.fee) AS fee,
        -toInt128(raw.real_delta) AS real_delta,
        -toInt128(raw.bonus_delta) AS bonus_delta,
        -toInt128(raw.held_delta) AS held_delta,
        -toInt128(raw.first_deposit) AS first_deposits
    FROM transactions AS raw
    WHERE occurred_at >= toStartOfHour({since:DateTime64(6, 'UTC')})
) AS d
GROUP BY operator_id, key
HAVING events != 0
    OR amount != 0
    OR fee != 0
    OR real_delta != 0
    OR bonus_delta != 0
    OR held_delta != 0
    OR first_deposits != 0
LIMIT 100
