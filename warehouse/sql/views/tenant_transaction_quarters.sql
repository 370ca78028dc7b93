CREATE OR REPLACE VIEW tenant_transaction_quarters AS
SELECT * FROM transaction_quarters WHERE operator_id = {operator_id:UInt16}
COMMENT 'The transaction_quarters of one operator';
