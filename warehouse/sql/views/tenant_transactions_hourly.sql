CREATE OR REPLACE VIEW tenant_transactions_hourly AS
SELECT * FROM transactions_hourly WHERE operator_id = {operator_id:UInt16}
COMMENT 'The transactions_hourly of one operator';
