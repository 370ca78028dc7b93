CREATE OR REPLACE VIEW current_games AS
SELECT * FROM games FINAL
COMMENT 'The catalogue as it is now; games belong to no operator';
