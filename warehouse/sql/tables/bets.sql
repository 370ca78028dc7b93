CREATE TABLE IF NOT EXISTS bets
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    bet_id UUID COMMENT 'UUIDv7 of the bet; a rollback carries the id of the bet it reverses',
    user_id UUID COMMENT 'Player',
    game_id UInt32 COMMENT 'Game',
    category_id UInt16 COMMENT 'Category of the game when the bet was settled',
    provider LowCardinality(String) COMMENT 'Provider of the game when the bet was settled',
    affiliate_id UInt32 COMMENT 'Affiliate of the player, 0 without one',
    is_bot UInt8 COMMENT '1 for demo traffic',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of every amount in the row',
    bet_type LowCardinality(String) COMMENT 'REAL, BONUS, MIXED or FREE_SPIN',
    sign Int8 COMMENT '1 for a settled bet, -1 for its rollback, whose amounts are negated',
    wager Int64 COMMENT 'Stake in minor units; 0 for FREE_SPIN',
    wager_real Int64 COMMENT 'Part of the stake paid from the real balance',
    wager_bonus Int64 COMMENT 'Part of the stake paid from bonus tasks',
    win Int64 COMMENT 'Base win in minor units, without jackpots; 0 for FREE_SPIN',
    win_real Int64 COMMENT 'Part of the win credited to the real balance',
    win_bonus Int64 COMMENT 'Part of the win credited to bonus tasks',
    jackpot Int64 COMMENT 'Jackpot paid out by this bet, in minor units',
    jackpot_contribution_e4 Int64 COMMENT 'Fed to jackpot pools, in 1/10,000 minor units',
    free_spin_stake Int64 COMMENT 'Nominal stake of a FREE_SPIN bet, in minor units',
    free_spin_win Int64 COMMENT 'Win of a FREE_SPIN bet, in minor units',
    ggr Int64 COMMENT 'wager - win',
    theoretical_ggr_e4 Int64 COMMENT 'wager x (1 - RTP), in 1/10,000 minor units',
    rtp_bps UInt16 COMMENT 'Declared RTP of the game at the time, in basis points',
    xp_added Int64 COMMENT 'VIP experience earned, in 1/10,000 of a point',
    vip_level UInt8 COMMENT 'VIP level after the bet',
    real_balance_after Int64 COMMENT 'Real balance after the bet, in minor units',
    bonus_balance_after Int64 COMMENT 'Bonus balance after the bet, in minor units',
    liability_delta Int64 COMMENT 'What its command moved on what is owed to the player',
    bonus_policy LowCardinality(String) COMMENT 'Bonus policy that funded the bet',
    bonus_policy_version UInt32 COMMENT 'Version of that policy',
    created_at DateTime64(6, 'UTC') COMMENT 'When the bet was settled; a rollback repeats it',
    INDEX rollbacks sign TYPE minmax GRANULARITY 1,
    INDEX jackpots jackpot TYPE minmax GRANULARITY 1,
    PROJECTION by_player (SELECT * ORDER BY operator_id, user_id, created_at, bet_id, sign),
    CONSTRAINT bets_tenant CHECK operator_id > 0,
    CONSTRAINT bets_sign CHECK sign IN (1, -1),
    CONSTRAINT bets_wager CHECK wager = wager_real + wager_bonus,
    CONSTRAINT bets_win CHECK win = win_real + win_bonus,
    CONSTRAINT bets_ggr CHECK ggr = wager - win
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (operator_id, created_at, bet_id, sign)
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Every settled bet and every rollback, one row each, exactly once';
