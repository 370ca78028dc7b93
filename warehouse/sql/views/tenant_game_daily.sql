CREATE OR REPLACE VIEW tenant_game_daily AS
SELECT * FROM game_daily WHERE operator_id = {operator_id:UInt16}
COMMENT 'The game_daily of one operator';
