-- As bet_page.sql for one player, from its projection in the order of players.
SELECT
    if(sign = 1, 'bet', 'rollback') AS type,
    bet_id AS id,
    toInt8(sign) AS part,
    user_id AS player_id,
    created_at,
    created_at AS updated_at,
    currency,
    wager AS amount,
    if(sign = 1, 'SETTLED', 'ROLLED_BACK') AS status,
    real_balance_after,
    bonus_balance_after,
    game_id,
    bet_type,
    wager,
    win,
    jackpot,
    ggr
FROM tenant_player_bets(operator_id = {operator_id:UInt16}, user_id = {player_id:UUID})
WHERE
    created_at >= {from_time:DateTime64(6, 'UTC')}
    AND created_at < {to_time:DateTime64(6, 'UTC')}
    AND (
        {goes_on:UInt8} = 0
        OR (created_at, bet_id, sign)
        < ({cursor_time:DateTime64(6, 'UTC')}, {cursor_id:UUID}, {cursor_part:Int8})
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({sign:Int8} = 0 OR sign = {sign:Int8})
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    AND ({every_game:UInt8} = 1 OR has({game_ids:Array(UInt32)}, game_id))
ORDER BY created_at DESC, bet_id DESC, sign DESC
LIMIT {limit:UInt32}
