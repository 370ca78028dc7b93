-- The newest transactions in [from_time, to_time) after a row, as in bet_page.sql; each once, with
-- its latest status.
SELECT
    lower(kind) AS type,
    transaction_id AS id,
    toInt8(0) AS part,
    user_id AS player_id,
    created_at,
    occurred_at AS updated_at,
    currency,
    amount,
    status,
    real_balance_after,
    bonus_balance_after,
    fee,
    method,
    provider,
    reason
FROM transactions
WHERE
    operator_id = {operator_id:UInt16}
    AND created_at >= {from_time:DateTime64(6, 'UTC')}
    AND created_at < {to_time:DateTime64(6, 'UTC')}
    AND (
        {goes_on:UInt8} = 0
        OR (created_at, transaction_id, toInt8(0))
        < ({cursor_time:DateTime64(6, 'UTC')}, {cursor_id:UUID}, {cursor_part:Int8})
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({method:String} = '' OR method = {method:String})
ORDER BY created_at DESC, transaction_id DESC, event_no DESC
LIMIT 1 BY created_at, transaction_id
LIMIT {limit:UInt32}
