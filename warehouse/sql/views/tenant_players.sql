CREATE OR REPLACE VIEW tenant_players AS
SELECT * FROM players FINAL WHERE operator_id = {operator_id:UInt16}
COMMENT 'Players of one operator as they are now';
