CREATE MATERIALIZED VIEW IF NOT EXISTS player_bets_mv TO player_bets AS
SELECT * FROM bets
COMMENT 'Feeds player_bets';
