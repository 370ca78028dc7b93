-- As a pair: were operator_id alone fixed, a query for the newest rows would be read in the
-- table's own order, through every player's, instead of from the projection.
CREATE OR REPLACE VIEW tenant_player_bets AS
SELECT * FROM bets
WHERE (operator_id, user_id) IN (({operator_id:UInt16}, {user_id:UUID}))
COMMENT 'The bets of one player of one operator';
