-- What decides whether a player was active and where one ranks: whole months.
SELECT
    user_id,
    bets,
    free_spins,
    wager,
    win
FROM player_monthly
WHERE
    operator_id = {operator_id:UInt16}
    AND month >= toDate({coarse_from:DateTime64(6, 'UTC')})
    AND month < toDate({coarse_to:DateTime64(6, 'UTC')})
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
