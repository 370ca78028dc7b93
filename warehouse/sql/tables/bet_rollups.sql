CREATE TABLE IF NOT EXISTS bet_rollups
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    grain Enum8(
        'game_hour' = 1, 'game_day' = 2, 'operator_quarter' = 11, 'player_day' = 21,
        'player_month' = 22
    ) COMMENT 'Whose bets, and of how long, the row adds up; rows of two grains never add up',
    user_id UUID COMMENT 'Player, zero where the grain is not of players',
    start DateTime('UTC') COMMENT 'Start of the time, in UTC, in which the bets were settled',
    game_id UInt32 COMMENT 'Game, 0 where the grain is not of games',
    bet_type LowCardinality(String) COMMENT 'REAL, BONUS, MIXED or FREE_SPIN; not for months',
    is_bot UInt8 COMMENT '1 for demo traffic',
    stake_band UInt8 COMMENT 'For game_hour: 0 no wager, 1 below 100, 2 below 1,000, 3 more',
    bets Int64 COMMENT 'Bets net of rollbacks, without free spins',
    free_spins Int64 COMMENT 'FREE_SPIN bets net of rollbacks',
    winning_bets Int64 COMMENT 'Bets with a base win, net of rollbacks',
    winning_free_spins Int64 COMMENT 'FREE_SPIN bets that won, net of rollbacks; not for players',
    wager Int64 COMMENT 'Sum of stakes in minor units',
    wager_real Int64 COMMENT 'Part of the stakes paid from real balances; the rest by bonus',
    wager_squared Int128 COMMENT 'Sum of squared stakes, net of rollbacks; not for quarters',
    win Int64 COMMENT 'Sum of base wins in minor units',
    win_real Int64 COMMENT 'Part of the wins credited to real balances; the rest to bonus',
    win_squared Int128 COMMENT 'Sum of squared wins, net of rollbacks; not for quarters',
    jackpot Int64 COMMENT 'Jackpots paid out, in minor units',
    jackpot_hits Int64 COMMENT 'Bets that hit a jackpot',
    jackpot_contribution_e4 Int64 COMMENT 'Fed to jackpot pools, in 1/10,000 minor units',
    free_spin_stake Int64 COMMENT 'Nominal stakes of FREE_SPIN bets',
    free_spin_win Int64 COMMENT 'Wins of FREE_SPIN bets',
    theoretical_ggr_e4 Int64 COMMENT 'Sum of wager x (1 - RTP), in 1/10,000 minor units',
    liability_delta Int64 COMMENT 'Moved on what is owed to players; 0 but for operator_quarter',
    xp_added Int64 COMMENT 'VIP experience in 1/10,000 of a point; 0 but for players'
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(start)
ORDER BY (operator_id, grain, user_id, start, game_id, bet_type, is_bot, stake_band)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Bets by game, operator and player; a view shows each grain; always aggregate again';
