-- One view for every grain: whatever it sums, a view costs each batch as much as a batch's rows do.
-- Grains of games are numbered from 1 on, those of operators from 11, those of players from 21.
CREATE MATERIALIZED VIEW IF NOT EXISTS bet_rollups_mv TO bet_rollups AS
SELECT
    operator_id,
    grain,
    if(grain >= 'player_day', b.user_id, toUUID('00000000-0000-0000-0000-000000000000')) AS user_id,
    multiIf(
        grain = 'game_hour', toStartOfHour(created_at),
        grain = 'operator_quarter', toStartOfFifteenMinutes(created_at),
        grain = 'player_month', toDateTime(toStartOfMonth(created_at), 'UTC'),
        toStartOfDay(created_at)
    ) AS start,
    if(grain < 'operator_quarter', b.game_id, 0) AS game_id,
    if(grain = 'player_month', '', b.bet_type) AS bet_type,
    is_bot,
    -- A rollback's wager is negative: it must land in the band of its bet.
    multiIf(
        grain != 'game_hour' OR b.wager = 0, 0, abs(b.wager) < 100, 1, abs(b.wager) < 1000, 2, 3
    ) AS stake_band,
    sumIf(sign, b.bet_type != 'FREE_SPIN') AS bets,
    sumIf(sign, b.bet_type = 'FREE_SPIN') AS free_spins,
    sumIf(sign, b.win != 0) AS winning_bets,
    sumIf(
        sign, grain < 'player_day' AND b.win = 0 AND b.free_spin_win != 0
    ) AS winning_free_spins,
    sum(b.wager) AS wager,
    sum(b.wager_real) AS wager_real,
    sumIf(sign * toInt128(b.wager) * b.wager, grain != 'operator_quarter') AS wager_squared,
    sum(b.win) AS win,
    sum(b.win_real) AS win_real,
    sumIf(sign * toInt128(b.win) * b.win, grain != 'operator_quarter') AS win_squared,
    sum(b.jackpot) AS jackpot,
    sumIf(sign, b.jackpot != 0) AS jackpot_hits,
    sum(b.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(b.free_spin_stake) AS free_spin_stake,
    sum(b.free_spin_win) AS free_spin_win,
    sum(b.theoretical_ggr_e4) AS theoretical_ggr_e4,
    sumIf(b.liability_delta, grain = 'operator_quarter') AS liability_delta,
    sumIf(b.xp_added, grain >= 'player_day') AS xp_added
FROM bets AS b
ARRAY JOIN
    CAST(
        ['game_hour', 'game_day', 'operator_quarter', 'player_day', 'player_month']
        AS Array(Enum8(
            'game_hour' = 1, 'game_day' = 2, 'operator_quarter' = 11, 'player_day' = 21,
            'player_month' = 22
        ))
    ) AS grain
GROUP BY operator_id, grain, user_id, start, game_id, bet_type, is_bot, stake_band
COMMENT 'Feeds bet_rollups; a rollback subtracts what its bet added';
