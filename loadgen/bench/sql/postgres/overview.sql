SELECT sum(wager), sum(win), count(*), count(DISTINCT user_id)
FROM bench_bet
WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3
