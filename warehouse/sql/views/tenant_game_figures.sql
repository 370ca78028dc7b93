-- Flat on purpose: each view read through another view costs about 10 ms of planning.
CREATE OR REPLACE VIEW tenant_game_figures AS
SELECT
    game_id,
    bet_type,
    is_bot,
    if(bet_type = 'FREE_SPIN', 0, daily.bets) AS bets,
    if(bet_type = 'FREE_SPIN', daily.bets, 0) AS free_spins,
    if(bet_type = 'FREE_SPIN', 0, daily.winning_bets) AS winning_bets,
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
FROM game_daily AS daily
WHERE
    operator_id = {operator_id:UInt16}
    AND day >= toDate({coarse_from:DateTime64(6, 'UTC')})
    AND day < toDate({coarse_to:DateTime64(6, 'UTC')})
UNION ALL
SELECT
    game_id,
    bet_type,
    is_bot,
    if(bet_type = 'FREE_SPIN', 0, hourly.bets) AS bets,
    if(bet_type = 'FREE_SPIN', hourly.bets, 0) AS free_spins,
    if(bet_type = 'FREE_SPIN', 0, hourly.winning_bets) AS winning_bets,
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
FROM game_hourly AS hourly
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            hour >= {fine_from:DateTime64(6, 'UTC')}
            AND hour < {coarse_from:DateTime64(6, 'UTC')}
        ) OR (
            hour >= {coarse_to:DateTime64(6, 'UTC')}
            AND hour < {fine_to:DateTime64(6, 'UTC')}
        )
    )
UNION ALL
SELECT
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
COMMENT 'One operator''s figures by game in [from, to): days, hours, edges from bets'
