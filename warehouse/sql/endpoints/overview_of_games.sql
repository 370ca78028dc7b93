-- Figures of some games by point of a series. Points come in runs of equal steps, in microseconds
-- since 1970: the earlier period is one point, what is left of the first run is before it.
SELECT
    roundDown(t.at, {run_starts:Array(Int64)}) AS run,
    transform(
        run, {run_starts:Array(Int64)}, {run_steps:Array(Int64)}, toInt64(1)
    ) AS step,
    run + intDiv(t.at - run, step) * step AS point,
    sum(t.bets) AS bets,
    sum(t.free_spins) AS free_spins,
    sum(t.winning_bets) AS winning_bets,
    sum(t.wager) AS wager,
    sum(t.wager_real) AS wager_real,
    sum(t.wager_bonus) AS wager_bonus,
    sum(t.win) AS win,
    sum(t.win_real) AS win_real,
    sum(t.win_bonus) AS win_bonus,
    sum(t.jackpot) AS jackpot,
    sum(t.jackpot_hits) AS jackpot_hits,
    sum(t.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(t.free_spin_stake) AS free_spin_stake,
    sum(t.free_spin_win) AS free_spin_win,
    sum(t.theoretical_ggr_e4) AS theoretical_ggr_e4,
    toInt64(0) AS liability_delta
FROM tenant_game_timeline(
    operator_id = {operator_id:UInt16},
    earlier_from = {earlier_from:DateTime64(6, 'UTC')},
    earlier_whole_from = {earlier_whole_from:DateTime64(6, 'UTC')},
    earlier_whole_to = {earlier_whole_to:DateTime64(6, 'UTC')},
    whole_from = {whole_from:DateTime64(6, 'UTC')},
    whole_to = {whole_to:DateTime64(6, 'UTC')},
    to_time = {to_time:DateTime64(6, 'UTC')}
) AS t
WHERE
    ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({game_id:UInt32} = 0 OR game_id = {game_id:UInt32})
    AND (
        ({category:String} = '' AND {provider:String} = '')
        OR game_id IN (
            SELECT games.game_id FROM current_games AS games
            WHERE
                ({category:String} = '' OR games.category = {category:String})
                AND ({provider:String} = '' OR games.provider = {provider:String})
        )
    )
GROUP BY run, step, point
ORDER BY point
