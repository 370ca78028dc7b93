-- As a pair, as in tenant_player_bets.
CREATE OR REPLACE VIEW tenant_player_transactions AS
SELECT * FROM transactions
WHERE (operator_id, user_id) IN (({operator_id:UInt16}, {user_id:UUID}))
COMMENT 'The transactions of one player of one operator';
