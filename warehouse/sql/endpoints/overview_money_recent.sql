-- The rollup's rows as they are from a quarter of an hour on, as in overview_recent.sql.
SELECT
    {point:Int64} AS point,
    multiIf(
        kind != 'DEPOSIT', 0, status = 'COMPLETED', amount, status = 'REVERSED', -amount, 0
    ) AS deposits,
    multiIf(
        kind != 'DEPOSIT', 0, status = 'COMPLETED', events, status = 'REVERSED', -events, 0
    ) AS deposit_count,
    first_deposits,
    if(kind = 'WITHDRAWAL' AND status = 'COMPLETED', amount, 0) AS withdrawals,
    if(kind = 'WITHDRAWAL' AND status = 'COMPLETED', events, 0) AS withdrawal_count,
    multiIf(
        kind != 'BONUS' OR status = 'COMPLETED', 0,
        status IN ('FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'), -amount,
        amount
    ) AS bonus_cost,
    liability_delta
FROM transaction_quarters
WHERE
    operator_id = {operator_id:UInt16}
    AND quarter >= {from_time:DateTime('UTC')}
    AND quarter < {to_time:DateTime('UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
