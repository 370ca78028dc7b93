CREATE INDEX bench_bet_time ON bench_bet (operator_id, created_at DESC, bet_id DESC)
INCLUDE (game_id, user_id, wager, win);
CREATE INDEX bench_bet_player ON bench_bet (operator_id, user_id, created_at DESC);
VACUUM (ANALYZE) bench_bet;
