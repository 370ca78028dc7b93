-- The usernames of some players.
SELECT user_id AS player_id, username
FROM tenant_players(operator_id = {operator_id:UInt16})
WHERE user_id IN {player_ids:Array(UUID)}
