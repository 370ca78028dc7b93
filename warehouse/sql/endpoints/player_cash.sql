-- What one player ever paid in and took out, and how often; completed transactions only.
SELECT
    sumIf(amount, kind = 'DEPOSIT') AS deposits,
    countIf(kind = 'DEPOSIT') AS deposit_count,
    sumIf(amount, kind = 'WITHDRAWAL') AS withdrawals,
    countIf(kind = 'WITHDRAWAL') AS withdrawal_count
FROM tenant_player_transactions(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID})
WHERE status = 'COMPLETED'
