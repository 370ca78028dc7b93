CREATE MATERIALIZED VIEW IF NOT EXISTS player_transactions_mv TO player_transactions AS
SELECT * FROM transactions
COMMENT 'Feeds player_transactions';
