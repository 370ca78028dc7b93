CREATE MATERIALIZED VIEW IF NOT EXISTS game_hourly_mv TO game_hourly AS
SELECT
    operator_id,
    toStartOfHour(created_at) AS hour,
    game_id,
    bet_type,
    is_bot,
    -- A rollback's wager is negative: it must land in the band of its bet.
    multiIf(b.wager = 0, 0, abs(b.wager) < 100, 1, abs(b.wager) < 1000, 2, 3) AS stake_band,
    sum(sign) AS bets,
    sumIf(sign, b.win != 0 OR b.free_spin_win != 0) AS winning_bets,
    sum(b.wager) AS wager,
    sum(b.wager_real) AS wager_real,
    sum(b.wager_bonus) AS wager_bonus,
    sum(sign * toInt128(b.wager) * b.wager) AS wager_squared,
    sum(b.win) AS win,
    sum(b.win_real) AS win_real,
    sum(b.win_bonus) AS win_bonus,
    sum(sign * toInt128(b.win) * b.win) AS win_squared,
    sum(b.jackpot) AS jackpot,
    sumIf(sign, b.jackpot != 0) AS jackpot_hits,
    sum(b.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(b.free_spin_stake) AS free_spin_stake,
    sum(b.free_spin_win) AS free_spin_win,
    sum(b.theoretical_ggr_e4) AS theoretical_ggr_e4
FROM bets AS b
GROUP BY operator_id, hour, game_id, bet_type, is_bot, stake_band
COMMENT 'Feeds game_hourly; a rollback subtracts what its bet added';
