CREATE MATERIALIZED VIEW IF NOT EXISTS player_monthly_mv TO player_monthly AS
SELECT
    operator_id,
    user_id,
    toDate(toStartOfMonth(created_at)) AS month,
    is_bot,
    sumIf(sign, bet_type != 'FREE_SPIN') AS bets,
    sumIf(sign, bet_type = 'FREE_SPIN') AS free_spins,
    sumIf(sign, b.win != 0) AS winning_bets,
    sum(b.wager) AS wager,
    sum(b.wager_real) AS wager_real,
    sum(b.wager_bonus) AS wager_bonus,
    sum(sign * toInt128(b.wager) * b.wager) AS wager_squared,
    sum(b.win) AS win,
    sum(b.win_real) AS win_real,
    sum(b.win_bonus) AS win_bonus,
    sum(sign * toInt128(b.win) * b.win) AS win_squared,
    sum(b.jackpot) AS jackpot,
    sumIf(sign, b.jackpot != 0) AS jackpot_hits,
    sum(b.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(b.free_spin_stake) AS free_spin_stake,
    sum(b.free_spin_win) AS free_spin_win,
    sum(b.theoretical_ggr_e4) AS theoretical_ggr_e4,
    sum(b.xp_added) AS xp_added
FROM bets AS b
GROUP BY operator_id, user_id, month, is_bot
COMMENT 'Feeds player_monthly; a rollback subtracts what its bet added';
