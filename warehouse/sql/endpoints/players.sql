-- Figures of some players, whatever they come to.
SELECT
    user_id AS player_id,
    sum(f.bets) AS bets,
    sum(f.free_spins) AS free_spins,
    sum(f.winning_bets) AS winning_bets,
    sum(f.wager) AS wager,
    sum(f.wager_real) AS wager_real,
    sum(f.wager_bonus) AS wager_bonus,
    sum(f.win) AS win,
    sum(f.win_real) AS win_real,
    sum(f.win_bonus) AS win_bonus,
    sum(f.jackpot) AS jackpot,
    sum(f.jackpot_hits) AS jackpot_hits,
    sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(f.free_spin_stake) AS free_spin_stake,
    sum(f.free_spin_win) AS free_spin_win,
    sum(f.theoretical_ggr_e4) AS theoretical_ggr_e4
FROM ($pieces) AS f
GROUP BY player_id
