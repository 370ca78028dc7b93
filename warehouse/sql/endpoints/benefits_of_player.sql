-- The same sums as benefits.sql for one player.
SELECT
    kind,
    method,
    status,
    toInt64(count()) AS events,
    sum(t.amount) AS amount
FROM tenant_player_transactions(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID}) AS t
WHERE
    occurred_at >= {from_time:DateTime64(6, 'UTC')}
    AND occurred_at < {to_time:DateTime64(6, 'UTC')}
    AND kind IN ('BONUS', 'FREE_SPINS', 'JACKPOT')
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY kind, method, status
ORDER BY kind, method, status
