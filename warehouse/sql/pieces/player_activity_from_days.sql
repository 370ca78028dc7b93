-- What decides whether a player was active and where one ranks: days before and after whole months.
SELECT
    user_id,
    bets,
    free_spins,
    wager,
    win
FROM bet_rollups
WHERE
    operator_id = {operator_id:UInt16}
    AND grain = 'player_day'
    AND (
        (
            start >= toDateTime({fine_from:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({coarse_from:DateTime64(6, 'UTC')}, 'UTC')
        ) OR (
            start >= toDateTime({coarse_to:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({fine_to:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
