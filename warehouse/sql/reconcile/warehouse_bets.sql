SELECT
    operator_id,
    game_id,
    formatDateTime(toStartOfHour(created_at), '%Y-%m-%d %H:00') AS hour,
    bet_type,
    sum(sign) AS bets,
    sum(b.wager) AS wager,
    sum(b.wager_real) AS wager_real,
    sum(b.wager_bonus) AS wager_bonus,
    sum(b.win) AS win,
    sum(b.win_real) AS win_real,
    sum(b.win_bonus) AS win_bonus,
    sum(b.jackpot) AS jackpot,
    sum(b.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(b.free_spin_stake) AS free_spin_stake,
    sum(b.free_spin_win) AS free_spin_win,
    sum(b.theoretical_ggr_e4) AS theoretical_ggr_e4,
    sum(b.xp_added) AS xp_added
FROM bets AS b
WHERE created_at >= {since:DateTime64(6, 'UTC')}
GROUP BY operator_id, game_id, hour, bet_type
HAVING bets != 0 OR wager != 0 OR free_spin_stake != 0
