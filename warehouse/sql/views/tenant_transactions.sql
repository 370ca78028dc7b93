CREATE OR REPLACE VIEW tenant_transactions AS
SELECT * FROM transactions WHERE operator_id = {operator_id:UInt16}
COMMENT 'The transactions of one operator';
