CREATE OR REPLACE VIEW tenant_liability_deltas AS
SELECT quarter, is_bot, liability_delta
FROM operator_quarters
WHERE operator_id = {operator_id:UInt16}
UNION ALL
SELECT quarter, is_bot, liability_delta
FROM transaction_quarters
WHERE operator_id = {operator_id:UInt16}
COMMENT 'What moved on what one operator owes its players, by quarter of an hour'
