-- Where game_hourly and the bets it sums disagree: rollup minus bets.
SELECT
    operator_id,
    concat(grain, ' game ', toString(game_id), ' ', bet_type, ' bot ', toString(is_bot)) AS key,
    sum(d.bets) AS bets,
    sum(d.winning_bets) AS winning_bets,
    sum(d.wager) AS wager,
    sum(d.wager_real) AS wager_real,
    sum(d.wager_bonus) AS wager_bonus,
    sum(d.win) AS win,
    sum(d.win_real) AS win_real,
    sum(d.win_bonus) AS win_bonus,
    sum(d.jackpot) AS jackpot,
    sum(d.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(d.free_spin_stake) AS free_spin_stake,
    sum(d.free_spin_win) AS free_spin_win,
    sum(d.theoretical_ggr_e4) AS theoretical_ggr_e4,
    sum(d.wager_squared) AS wager_squared,
    sum(d.win_squared) AS win_squared,
    sum(d.jackpot_hits) AS jackpot_hits
FROM (
    SELECT
        operator_id,
        toString(hour) AS grain,
        game_id,
        bet_type,
        is_bot,
        toInt128(bets) AS bets,
        toInt128(winning_bets) AS winning_bets,
        toInt128(wager) AS wager,
        toInt128(wager_real) AS wager_real,
        toInt128(wager_bonus) AS wager_bonus,
        toInt128(win) AS win,
        toInt128(win_real) AS win_real,
        toInt128(win_bonus) AS win_bonus,
        toInt128(jackpot) AS jackpot,
        toInt128(jackpot_contribution_e4) AS jackpot_contribution_e4,
        toInt128(free_spin_stake) AS free_spin_stake,
        toInt128(free_spin_win) AS free_spin_win,
        toInt128(theoretical_ggr_e4) AS theoretical_ggr_e4,
        toInt128(wager_squared) AS wager_squared,
        toInt128(win_squared) AS win_squared,
        toInt128(jackpot_hits) AS jackpot_hits
    FROM game_hourly
    WHERE hour >= toStartOfHour({since:DateTime64(6, 'UTC')})
    UNION ALL
    SELECT
        operator_id,
        toString(toStartOfHour(created_at)) AS grain,
        game_id,
        raw.bet_type,
        is_bot,
        -toInt128(raw.sign) AS bets,
        -toInt128(if(raw.win != 0 OR raw.free_spin_win != 0, raw.sign, 0)) AS winning_bets,
        -toInt128(raw.wager) AS wager,
        -toInt128(raw.wager_real) AS wager_real,
        -toInt128(raw.wager_bonus) AS wager_bonus,
        -toInt128(raw.win) AS win,
        -toInt128(raw.win_real) AS win_real,
        -toInt128(raw.win_bonus) AS win_bonus,
        -toInt128(raw.jackpot) AS jackpot,
        -toInt128(raw.jackpot_contribution_e4) AS jackpot_contribution_e4,
        -toInt128(raw.free_spin_stake) AS free_spin_stake,
        -toInt128(raw.free_spin_win) AS free_spin_win,
        -toInt128(raw.theoretical_ggr_e4) AS theoretical_ggr_e4,
        -toInt128(raw.sign * toInt128(raw.wager) * raw.wager) AS wager_squared,
        -toInt128(raw.sign * toInt128(raw.win) * raw.win) AS win_squared,
        -toInt128(if(raw.jackpot != 0, raw.sign, 0)) AS jackpot_hits
    FROM bets AS raw
    WHERE created_at >= toStartOfHour({since:DateTime64(6, 'UTC')})
) AS d
GROUP BY operator_id, key
HAVING bets != 0
    OR winning_bets != 0
    OR wager != 0
    OR wager_real != 0
    OR wager_bonus != 0
    OR win != 0
    OR win_real != 0
    OR win_bonus != 0
    OR jackpot != 0
    OR jackpot_contribution_e4 != 0
    OR free_spin_stake != 0
    OR free_spin_win != 0
    OR theoretical_ggr_e4 != 0
    OR wager_squared != 0
    OR win_squared != 0
    OR jackpot_hits != 0
LIMIT 100
