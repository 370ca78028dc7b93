SELECT user_id, count(*), sum(wager) AS handle, sum(win), sum(win) / nullif(sum(wager), 0)
FROM bench_bet
WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3
GROUP BY user_id
ORDER BY handle DESC
LIMIT 50
