CREATE OR REPLACE VIEW game_daily
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    day Date COMMENT 'UTC day on which the bets were settled',
    game_id UInt32 COMMENT 'Game',
    bet_type LowCardinality(String) COMMENT 'REAL, BONUS, MIXED or FREE_SPIN',
    is_bot UInt8 COMMENT '1 for demo traffic',
    bets Int64 COMMENT 'Bets net of rollbacks',
    winning_bets Int64 COMMENT 'Bets that won anything, net of rollbacks',
    wager Int64 COMMENT 'Sum of stakes in minor units',
    wager_real Int64 COMMENT 'Part of the stakes paid from real balances',
    wager_bonus Int64 COMMENT 'Part of the stakes paid from bonus tasks',
    wager_squared Int128 COMMENT 'Sum of squared stakes, net of rollbacks',
    win Int64 COMMENT 'Sum of base wins in minor units',
    win_real Int64 COMMENT 'Part of the wins credited to real balances',
    win_bonus Int64 COMMENT 'Part of the wins credited to bonus tasks',
    win_squared Int128 COMMENT 'Sum of squared wins, net of rollbacks',
    jackpot Int64 COMMENT 'Jackpots paid out, in minor units',
    jackpot_hits Int64 COMMENT 'Bets that hit a jackpot',
    jackpot_contribution_e4 Int64 COMMENT 'Fed to jackpot pools, in 1/10,000 minor units',
    free_spin_stake Int64 COMMENT 'Nominal stakes of FREE_SPIN bets',
    free_spin_win Int64 COMMENT 'Wins of FREE_SPIN bets',
    theoretical_ggr_e4 Int64 COMMENT 'Sum of wager x (1 - RTP), in 1/10,000 minor units'
)
AS SELECT
    operator_id,
    toDate(start) AS day,
    game_id,
    bet_type,
    is_bot,
    r.bets + r.free_spins AS bets,
    r.winning_bets + r.winning_free_spins AS winning_bets,
    wager,
    wager_real,
    wager - wager_real AS wager_bonus,
    wager_squared,
    win,
    win_real,
    win - win_real AS win_bonus,
    win_squared,
    jackpot,
    jackpot_hits,
    jackpot_contribution_e4,
    free_spin_stake,
    free_spin_win,
    theoretical_ggr_e4
FROM bet_rollups AS r
WHERE grain = 'game_day'
COMMENT 'Bets by operator, UTC day, game and type; always aggregate again when reading';
