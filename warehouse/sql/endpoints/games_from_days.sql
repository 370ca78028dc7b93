-- Figures by game in the whole days [coarse_from, coarse_to).
SELECT
    game_id,
    sumIf(f.bets, bet_type != 'FREE_SPIN') AS bets,
    sumIf(f.bets, bet_type = 'FREE_SPIN') AS free_spins,
    sumIf(f.winning_bets, bet_type != 'FREE_SPIN') AS winning_bets,
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
FROM game_daily AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND day >= toDate({coarse_from:DateTime64(6, 'UTC')})
    AND day < toDate({coarse_to:DateTime64(6, 'UTC')})
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({game_id:UInt32} = 0 OR game_id = {game_id:UInt32})
GROUP BY game_id
