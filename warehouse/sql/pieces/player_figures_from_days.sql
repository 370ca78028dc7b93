-- Figures of some players: days before and after whole months.
SELECT
    user_id,
    bets,
    free_spins,
    winning_bets,
    wager,
    wager_real,
    wager_bonus,
    win,
    win_real,
    win_bonus,
    jackpot,
    jackpot_hits,
    jackpot_contribution_e4,
    free_spin_stake,
    free_spin_win,
    theoretical_ggr_e4
FROM player_daily
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            day >= toDate({fine_from:DateTime64(6, 'UTC')})
            AND day < toDate({coarse_from:DateTime64(6, 'UTC')})
        ) OR (
            day >= toDate({coarse_to:DateTime64(6, 'UTC')})
            AND day < toDate({fine_to:DateTime64(6, 'UTC')})
        )
    )
    AND user_id IN {player_ids:Array(UUID)}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
