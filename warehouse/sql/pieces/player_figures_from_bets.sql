-- Figures of some players: bets before and after whole days.
SELECT
    user_id,
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
    theoretical_ggr_e4
FROM bets
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {fine_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {fine_to:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
    AND user_id IN {player_ids:Array(UUID)}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
