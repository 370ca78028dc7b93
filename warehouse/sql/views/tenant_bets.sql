CREATE OR REPLACE VIEW tenant_bets AS
SELECT * FROM bets WHERE operator_id = {operator_id:UInt16}
COMMENT 'The bets of one operator';
