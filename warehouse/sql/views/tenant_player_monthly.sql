CREATE OR REPLACE VIEW tenant_player_monthly AS
SELECT * FROM player_monthly WHERE operator_id = {operator_id:UInt16}
COMMENT 'The player_monthly of one operator';
