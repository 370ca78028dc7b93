-- Figures of all bets in the whole quarters of an hour of two periods that meet, by the newest of
-- {points}, in microseconds since 1970, that is not after them.
SELECT
    roundDown(toInt64(toUnixTimestamp(start)) * 1000000, {points:Array(Int64)}) AS point,
    sum(f.bets) AS bets,
    sum(f.free_spins) AS free_spins,
    sum(f.wager) AS wager,
    sum(f.wager_real) AS wager_real,
    wager - wager_real AS wager_bonus,
    sum(f.win) AS win,
    sum(f.win_real) AS win_real,
    win - win_real AS win_bonus,
    sum(f.jackpot) AS jackpot,
    sum(f.jackpot_hits) AS jackpot_hits,
    sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(f.liability_delta) AS liability_delta
FROM bet_rollups AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND grain = 'operator_quarter'
    AND (
        (
            start >= toDateTime({earlier_whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({earlier_whole_to:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            start >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
GROUP BY point
