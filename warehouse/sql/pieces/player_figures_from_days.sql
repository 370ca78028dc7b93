-- Figures of some players: days before and after whole months.
SELECT
    user_id,
    bets,
    free_spins,
    winning_bets,
    wager,
    wager_real,
    wager - wager_real AS wager_bonus,
    win,
    win_real,
    win - win_real AS win_bonus,
    jackpot,
    jackpot_hits,
    jackpot_contribution_e4,
    free_spin_stake,
    free_spin_win,
    theoretical_ggr_e4
FROM bet_rollups
WHERE
    operator_id = {operator_id:UInt16}
    AND grain = 'player_day'
    AND (
        (
            start >= toDateTime({fine_from:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({coarse_from:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            start >= toDateTime({coarse_to:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({fine_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND user_id IN {player_ids:Array(UUID)}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
