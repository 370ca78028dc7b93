-- What players did in [from_time, to_time), bet by bet, with its microsecond since 1970.
SELECT
    user_id,
    toInt64(if(bet_type = 'FREE_SPIN', 0, sign)) AS bets,
    toInt64(if(bet_type = 'FREE_SPIN', sign, 0)) AS free_spins,
    wager,
    win,
    toUnixTimestamp64Micro(created_at) AS moment
FROM bets
WHERE
    operator_id = {operator_id:UInt16}
    AND created_at >= {from_time:DateTime64(6, 'UTC')}
    AND created_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
ORDER BY created_at
