SELECT user_id, sum(sign), sum(wager) AS handle, sum(win), sum(win) / sum(wager)
FROM bets
WHERE operator_id = {operator_id:UInt16}
    AND created_at >= {start:DateTime('UTC')} AND created_at < {end:DateTime('UTC')}
GROUP BY user_id
ORDER BY handle DESC
LIMIT 50
