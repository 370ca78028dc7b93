-- The rollup's rows as they are from a quarter of an hour on, under one point: so few that adding
-- them up here costs more than telling them.
SELECT
    {point:Int64} AS point,
    bets,
    free_spins,
    wager,
    wager_real,
    wager - wager_real AS wager_bonus,
    win,
    win_real,
    win - win_real AS win_bonus,
    jackpot,
    jackpot_hits,
    jackpot_contribution_e4,
    liability_delta
FROM bet_rollups
WHERE
    operator_id = {operator_id:UInt16}
    AND grain = 'operator_quarter'
    AND start >= {from_time:DateTime('UTC')}
    AND start < {to_time:DateTime('UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
