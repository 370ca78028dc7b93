CREATE OR REPLACE VIEW tenant_game_hourly AS
SELECT * FROM game_hourly WHERE operator_id = {operator_id:UInt16}
COMMENT 'The game_hourly of one operator';
