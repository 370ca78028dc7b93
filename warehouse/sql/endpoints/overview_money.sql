-- Payments and bonuses by point of a series. Points come in runs of equal steps, in
-- microseconds since 1970: the earlier period is one point, what is left of it is before it. A
-- deposit that was charged back was completed first, so it is taken off again.
SELECT
    roundDown(t.at, {run_starts:Array(Int64)}) AS run,
    transform(
        run, {run_starts:Array(Int64)}, {run_steps:Array(Int64)}, toInt64(1)
    ) AS step,
    run + intDiv(t.at - run, step) * step AS point,
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
FROM tenant_money_timeline(
    operator_id = {operator_id:UInt16},
    earlier_from = {earlier_from:DateTime64(6, 'UTC')},
    earlier_whole_from = {earlier_whole_from:DateTime64(6, 'UTC')},
    earlier_whole_to = {earlier_whole_to:DateTime64(6, 'UTC')},
    whole_from = {whole_from:DateTime64(6, 'UTC')},
    whole_to = {whole_to:DateTime64(6, 'UTC')},
    to_time = {to_time:DateTime64(6, 'UTC')}
) AS t
WHERE ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY run, step, point
ORDER BY point
