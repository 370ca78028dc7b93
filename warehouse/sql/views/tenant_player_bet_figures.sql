-- As a pair, as in tenant_player_bets.
CREATE OR REPLACE VIEW tenant_player_bet_figures AS
SELECT
    created_at,
    game_id,
    bet_type,
    is_bot,
    toInt64(if(bet_type = 'FREE_SPIN', 0, sign)) AS bets,
    toInt64(if(bet_type = 'FREE_SPIN', sign, 0)) AS free_spins,
    toInt64(if(win = 0, 0, sign)) AS winning_bets,
    wager,
    wager_real,
    wager_bonus,
    win,
    win_real,
    win_bonus,
    jackpot,
    toInt64(if(jackpot = 0, 0, sign)) AS jackpot_hits,
    jackpot_contribution_e4,
    free_spin_stake,
    free_spin_win,
    theoretical_ggr_e4,
    liability_delta
FROM bets
WHERE (operator_id, user_id) IN (({operator_id:UInt16}, {user_id:UUID}))
COMMENT 'The bets of one player as figures that add up; rollbacks count negative'
