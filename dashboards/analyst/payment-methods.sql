-- Payment methods: which of them work, how fast, and at what fee?
--
-- Reading: payments begun in the range and what has become of them so far; success is the
-- completed ones' share of those that are decided. Amounts and fees in minor units, of completed
-- payments; minutes from beginning to completion.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: begun from
--   to_time = now: begun before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: withdrawals wait for the operator's own decision, which is most of their time. A
-- deposit that was charged back later counts as reversed, not as completed.
WITH payments AS (
    SELECT
        transaction_id,
        any(kind) AS direction,
        any(method) AS by_method,
        argMax(status, event_no) AS state,
        any(amount) AS value,
        any(fee) AS charge,
        dateDiff('microsecond', min(created_at), maxIf(occurred_at, status = 'COMPLETED')) / 6e7
            AS minutes
    FROM tenant_transactions(operator_id = {operator_id:UInt16})
    WHERE
        kind IN ('DEPOSIT', 'WITHDRAWAL')
        AND created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY transaction_id
)

SELECT
    direction AS kind,
    by_method AS method,
    count() AS begun,
    countIf(state = 'COMPLETED') AS completed,
    countIf(state = 'FAILED') AS failed,
    countIf(state = 'EXPIRED') AS expired,
    countIf(state = 'REJECTED') AS rejected,
    countIf(state = 'REVERSED') AS reversed,
    countIf(state IN ('PENDING', 'APPROVED')) AS open,
    round(completed / nullIf(begun - open, 0), 4) AS success,
    sumIf(value, state = 'COMPLETED') AS amount,
    sumIf(charge, state = 'COMPLETED') AS fees,
    round(quantileExactInclusiveOrNullIf(0.5)(minutes, state = 'COMPLETED'), 2) AS median_minutes
FROM payments
GROUP BY kind, method
ORDER BY kind, method
