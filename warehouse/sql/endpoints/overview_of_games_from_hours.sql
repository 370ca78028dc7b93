-- Figures of some games in the whole hours of two periods that meet; points as in
-- overview_from_quarters.sql.
SELECT
    roundDown(toInt64(toUnixTimestamp(hour)) * 1000000, {points:Array(Int64)}) AS point,
    sumIf(f.bets, bet_type != 'FREE_SPIN') AS bets,
    sumIf(f.bets, bet_type = 'FREE_SPIN') AS free_spins,
    sum(f.wager) AS wager,
    sum(f.wager_real) AS wager_real,
    sum(f.wager_bonus) AS wager_bonus,
    sum(f.win) AS win,
    sum(f.win_real) AS win_real,
    sum(f.win_bonus) AS win_bonus,
    sum(f.jackpot) AS jackpot,
    sum(f.jackpot_hits) AS jackpot_hits,
    sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
    toInt64(0) AS liability_delta
FROM game_hourly AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            hour >= toDateTime({earlier_whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND hour < toDateTime({earlier_whole_to:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            hour >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND hour < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND has({game_ids:Array(UInt32)}, game_id)
GROUP BY point
