-- What one player ever paid in and took out, and how often. A deposit that was charged back was
-- completed first, so it is taken off again.
SELECT
    sumIf(amount, kind = 'DEPOSIT' AND status = 'COMPLETED')
    - sumIf(amount, kind = 'DEPOSIT' AND status = 'REVERSED') AS deposits,
    countIf(kind = 'DEPOSIT' AND status = 'COMPLETED')
    - countIf(kind = 'DEPOSIT' AND status = 'REVERSED') AS deposit_count,
    sumIf(amount, kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawals,
    countIf(kind = 'WITHDRAWAL' AND status = 'COMPLETED') AS withdrawal_count
FROM tenant_player_transactions(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID})
WHERE status IN ('COMPLETED', 'REVERSED')
