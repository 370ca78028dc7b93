-- Two periods that meet, the earlier and the later: each one's whole hours by rollup,
-- what is before, between and after them from bets.
CREATE OR REPLACE VIEW tenant_game_timeline AS
SELECT
    toInt64(toUnixTimestamp(hour)) * 1000000 AS at,
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
            hour >= {earlier_whole_from:DateTime64(6, 'UTC')}
            AND hour < {earlier_whole_to:DateTime64(6, 'UTC')}
        ) OR (
            hour >= {whole_from:DateTime64(6, 'UTC')}
            AND hour < {whole_to:DateTime64(6, 'UTC')}
        )
    )
UNION ALL
SELECT
    toUnixTimestamp64Micro(created_at) AS at,
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
            created_at >= {earlier_from:DateTime64(6, 'UTC')}
            AND created_at < {earlier_whole_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {earlier_whole_to:DateTime64(6, 'UTC')}
            AND created_at < {whole_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {whole_to:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
COMMENT 'One operator''s bets by game in two periods that meet: hours by rollup, edges from bets'
