-- Payments and bonuses of one player by point of a series. Points come in runs of equal steps, in
-- microseconds since 1970: the earlier period is one point, what is left of it is before it. A
-- deposit that was charged back was completed first, so it is taken off again.
SELECT
    roundDown(toUnixTimestamp64Micro(occurred_at), {run_starts:Array(Int64)}) AS run,
    transform(
        run, {run_starts:Array(Int64)}, {run_steps:Array(Int64)}, toInt64(1)
    ) AS step,
    run + intDiv(toUnixTimestamp64Micro(occurred_at) - run, step) * step AS point,
    sumIf(t.amount, kind = 'DEPOSIT' AND status = 'COMPLETED')
    - sumIf(t.amount, kind = 'DEPOSIT' AND status = 'REVERSED') AS deposits,
    countIf(kind = 'DEPOSIT' AND status = 'COMPLETED')
    - countIf(kind = 'DEPOSIT' AND status = 'REVERSED') AS deposit_count,
    sum(t.first_deposit) AS first_deposits,
    sumIf(t.amount, kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawals,
    countIf(kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawal_count,
    sumIf(
        multiIf(
            status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -t.amount,
            status = 'COMPLETED', 0,
            t.amount
        ),
        kind = 'BONUS'
    ) AS bonus_cost,
    sum(t.liability_delta) AS liability_delta
FROM tenant_player_transactions(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID}) AS t
WHERE
    occurred_at >= {from_time:DateTime64(6, 'UTC')}
    AND occurred_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY run, step, point
ORDER BY point
