-- Figures of one player; points as in overview_from_quarters.sql.
SELECT
    roundDown(toUnixTimestamp64Micro(created_at), {points:Array(Int64)}) AS point,
    sum(t.bets) AS bets,
    sum(t.free_spins) AS free_spins,
    sum(t.wager) AS wager,
    sum(t.wager_real) AS wager_real,
    sum(t.wager_bonus) AS wager_bonus,
    sum(t.win) AS win,
    sum(t.win_real) AS win_real,
    sum(t.win_bonus) AS win_bonus,
    sum(t.jackpot) AS jackpot,
    sum(t.jackpot_hits) AS jackpot_hits,
    sum(t.jackpot_contribution_e4) AS jackpot_contribution_e4,
    sum(t.liability_delta) AS liability_delta
FROM tenant_player_bet_figures(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID}) AS t
WHERE
    created_at >= {from_time:DateTime64(6, 'UTC')}
    AND created_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({every_game:UInt8} = 1 OR has({game_ids:Array(UInt32)}, game_id))
GROUP BY point
