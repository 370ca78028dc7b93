-- The usernames of some players.
SELECT user_id AS player_id, username
FROM players FINAL
WHERE operator_id = {operator_id:UInt16} AND user_id IN {player_ids:Array(UUID)}
