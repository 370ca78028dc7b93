CREATE OR REPLACE VIEW tenant_operator AS
SELECT * FROM operators FINAL WHERE operator_id = {operator_id:UInt16}
COMMENT 'The operator itself as it is now';
