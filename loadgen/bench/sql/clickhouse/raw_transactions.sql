SELECT *
FROM bets
WHERE operator_id = {operator_id:UInt16}
    AND created_at >= {start:DateTime('UTC')} AND created_at < {end:DateTime('UTC')}
ORDER BY created_at DESC, bet_id DESC
LIMIT 50
