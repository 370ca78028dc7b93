-- What the operator owed one player at a moment.
SELECT sum(liability_delta) AS liability
FROM (
    SELECT liability_delta
    FROM tenant_player_bets(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID})
    WHERE
        created_at < {before:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    UNION ALL
    SELECT liability_delta
    FROM tenant_player_transactions(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID})
    WHERE
        occurred_at < {before:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
)
