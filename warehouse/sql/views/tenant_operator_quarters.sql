CREATE OR REPLACE VIEW tenant_operator_quarters AS
SELECT * FROM operator_quarters WHERE operator_id = {operator_id:UInt16}
COMMENT 'The operator_quarters of one operator';
