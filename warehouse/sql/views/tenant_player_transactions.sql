CREATE OR REPLACE VIEW tenant_player_transactions AS
SELECT * FROM player_transactions
WHERE operator_id = {operator_id:UInt16} AND user_id = {user_id:UUID}
COMMENT 'The transactions of one player of one operator';
