-- Payments and bonuses of one player; points as in overview_from_quarters.sql. A deposit that was
-- charged back was completed first, so it is taken off again.
SELECT
    roundDown(toUnixTimestamp64Micro(occurred_at), {points:Array(Int64)}) AS point,
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
GROUP BY point
