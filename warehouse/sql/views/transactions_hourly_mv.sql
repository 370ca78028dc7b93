CREATE MATERIALIZED VIEW IF NOT EXISTS transactions_hourly_mv TO transactions_hourly AS
SELECT
    operator_id,
    toStartOfHour(occurred_at) AS hour,
    kind,
    status,
    method,
    is_bot,
    count() AS events,
    sum(t.amount) AS amount,
    sum(t.fee) AS fee,
    sum(t.real_delta) AS real_delta,
    sum(t.bonus_delta) AS bonus_delta,
    sum(t.held_delta) AS held_delta,
    sum(t.first_deposit) AS first_deposits
FROM transactions AS t
GROUP BY operator_id, hour, kind, status, method, is_bot
COMMENT 'Feeds transactions_hourly';
