-- Players with at least one bet net of rollbacks on some games in [from_time, to_time), from all
-- bets in it: no rollup knows both players and games.
SELECT count() AS active
FROM (
    SELECT user_id
    FROM bets
    WHERE
        operator_id = {operator_id:UInt16}
        AND created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
        AND (
            bet_type = {bet_type:String} OR ({bet_type:String} = '' AND bet_type != 'FREE_SPIN')
        )
        AND has({game_ids:Array(UInt32)}, game_id)
    GROUP BY user_id
    HAVING sum(sign) > 0
)
