-- Payments and bonuses in the whole quarters of an hour of two periods that meet; points as in
-- overview_from_quarters.sql. A deposit that was charged back was completed first, so it is taken
-- off again.
SELECT
    roundDown(toInt64(toUnixTimestamp(quarter)) * 1000000, {points:Array(Int64)}) AS point,
    sumIf(t.amount, kind = 'DEPOSIT' AND status = 'COMPLETED')
    - sumIf(t.amount, kind = 'DEPOSIT' AND status = 'REVERSED') AS deposits,
    sumIf(t.events, kind = 'DEPOSIT' AND status = 'COMPLETED')
    - sumIf(t.events, kind = 'DEPOSIT' AND status = 'REVERSED') AS deposit_count,
    sum(t.first_deposits) AS first_deposits,
    sumIf(t.amount, kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawals,
    sumIf(t.events, kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawal_count,
    sumIf(
        multiIf(
            status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
            status = 'COMPLETED', 0,
            t.amount
        ),
        kind = 'BONUS'
    ) AS bonus_cost,
    sum(t.liability_delta) AS liability_delta
FROM transaction_quarters AS t
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            quarter >= toDateTime({earlier_whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND quarter < toDateTime({earlier_whole_to:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            quarter >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND quarter < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY point
