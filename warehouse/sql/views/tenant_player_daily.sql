CREATE OR REPLACE VIEW tenant_player_daily AS
SELECT * FROM player_daily WHERE operator_id = {operator_id:UInt16}
COMMENT 'The player_daily of one operator';
