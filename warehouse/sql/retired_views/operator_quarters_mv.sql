CREATE MATERIALIZED VIEW IF NOT EXISTS operator_quarters_mv TO operator_quarters AS
SELECT
    operator_id,
    toStartOfFifteenMinutes(created_at) AS quarter,
    bet_type,
    is_bot,
    sum(sign) AS bets,
    sumIf(sign, b.win != 0 OR b.free_spin_win != 0) AS winning_bets,
    sum(b.wager) AS wager,
    sum(b.wager_real) AS wager_real,
    sum(b.wager_bonus) AS wager_bonus,
    sum(b.win) AS win,
    sum(b.win_real) AS win_real,
    sum(b.win_bonus) AS win_bonus,
    sum(b.jackpot) AS jackpot,
    sumIf(sign, b.jackpot != 0) AS jackpot_hits,
    sum(b.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(b.free_spin_stake) AS free_spin_stake,
    sum(b.free_spin_win) AS free_spin_win,
    sum(b.theoretical_ggr_e4) AS theoretical_ggr_e4,
    sum(b.liability_delta) AS liability_delta
FROM bets AS b
GROUP BY operator_id, quarter, bet_type, is_bot
COMMENT 'Feeds operator_quarters; a rollback subtracts what its bet added';
