CREATE OR REPLACE VIEW tenant_player_bets AS
SELECT * FROM player_bets
WHERE operator_id = {operator_id:UInt16} AND user_id = {user_id:UUID}
COMMENT 'The bets of one player of one operator';
