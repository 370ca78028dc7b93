-- Figures of all bets in the whole quarters of an hour of two periods that meet, by the newest of
-- {points}, in microseconds since 1970, that is not after them.
SELECT
    roundDown(toInt64(toUnixTimestamp(quarter)) * 1000000, {points:Array(Int64)}) AS point,
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
    sum(f.liability_delta) AS liability_delta
FROM operator_quarters AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            quarter >= toDateTime({earlier_whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND quarter < toDateTime({earlier_whole_to:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            quarter >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND quarter < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
GROUP BY point
