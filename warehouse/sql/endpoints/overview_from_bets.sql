-- Figures of the bets outside the whole quarters or hours of two periods that meet; points as in
-- overview_from_quarters.sql.
SELECT
    roundDown(toUnixTimestamp64Micro(created_at), {points:Array(Int64)}) AS point,
    sumIf(f.sign, bet_type != 'FREE_SPIN') AS bets,
    sumIf(f.sign, bet_type = 'FREE_SPIN') AS free_spins,
    sum(f.wager) AS wager,
    sum(f.wager_real) AS wager_real,
    sum(f.wager_bonus) AS wager_bonus,
    sum(f.win) AS win,
    sum(f.win_real) AS win_real,
    sum(f.win_bonus) AS win_bonus,
    sum(f.jackpot) AS jackpot,
    sumIf(f.sign, f.jackpot != 0) AS jackpot_hits,
    sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(f.liability_delta) AS liability_delta
FROM bets AS f
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            created_at >= {earlier_from:DateTime64(6, 'UTC')}
            AND created_at < {earlier_whole_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {earlier_whole_to:DateTime64(6, 'UTC')}
            AND created_at < {whole_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= {whole_to:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({every_game:UInt8} = 1 OR has({game_ids:Array(UInt32)}, game_id))
GROUP BY point
