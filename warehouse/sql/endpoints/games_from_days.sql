-- Figures by game in the whole days [coarse_from, coarse_to).
SELECT
    game_id,
    sum(f.bets) AS bets,
    sum(f.free_spins) AS free_spins,
    sum(f.winning_bets) AS winning_bets,
    sum(f.wager) AS wager,
    sum(f.wager_real) AS wager_real,
    wager - wager_real AS wager_bonus,
    sum(f.win) AS win,
    sum(f.win_real) AS win_real,
    win - win_real AS win_bonus,
    sum(f.jackpot) AS jackpot,
    sum(f.jackpot_hits) AS jackpot_hits,
    sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(f.free_spin_stake) AS free_spin_stake,
    sum(f.free_spin_win) AS free_spin_win,
    sum(f.theoretical_ggr_e4) AS theoretical_ggr_e4
FROM bet_rollups AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND grain = 'game_day'
    AND start >= toDateTime({coarse_from:DateTime64(6, 'UTC')}, 'UTC')
    AND start < toDateTime({coarse_to:DateTime64(6, 'UTC')}, 'UTC')
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({game_id:UInt32} = 0 OR game_id = {game_id:UInt32})
GROUP BY game_id
