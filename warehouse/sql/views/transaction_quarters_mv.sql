CREATE MATERIALIZED VIEW IF NOT EXISTS transaction_quarters_mv TO transaction_quarters AS
SELECT
    operator_id,
    toStartOfFifteenMinutes(occurred_at) AS quarter,
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
    sum(t.liability_delta) AS liability_delta,
    sum(t.first_deposit) AS first_deposits
FROM transactions AS t
GROUP BY operator_id, quarter, kind, status, method, is_bot
COMMENT 'Feeds transaction_quarters';
