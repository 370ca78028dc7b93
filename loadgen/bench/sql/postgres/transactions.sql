SELECT *
FROM bench_bet
WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3
ORDER BY created_at DESC, bet_id DESC
LIMIT 50
