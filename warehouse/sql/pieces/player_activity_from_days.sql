-- What decides whether a player was active and where one ranks: days before and after whole months.
SELECT
    user_id,
    bets,
    free_spins,
    wager,
    win
FROM player_daily
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            day >= toDate({fine_from:DateTime64(6, 'UTC')})
            AND day < toDate({coarse_from:DateTime64(6, 'UTC')})
        ) OR (
            day >= toDate({coarse_to:DateTime64(6, 'UTC')})
            AND day < toDate({fine_to:DateTime64(6, 'UTC')})
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
