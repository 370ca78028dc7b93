-- One page of bets and transactions, newest first, each transaction once with its latest status.
-- The page starts after the row (cursor_time, cursor_id, cursor_part); type '' means all of them.
WITH page AS (
    SELECT * FROM (
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
            ggr,
            toInt64(0) AS fee,
            '' AS method,
            '' AS provider,
            '' AS reason
        FROM tenant_bets(operator_id = {operator_id:UInt16})
        WHERE
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
            AND created_at <= {cursor_time:DateTime64(6, 'UTC')}
            AND (created_at, bet_id, sign)
            < ({cursor_time:DateTime64(6, 'UTC')}, {cursor_id:UUID}, {cursor_part:Int8})
            AND ({include_bots:UInt8} = 1 OR is_bot = 0)
            AND {type:String} IN ('', 'bet', 'rollback')
            AND ({type:String} != 'bet' OR sign = 1)
            AND ({type:String} != 'rollback' OR sign = -1)
        ORDER BY created_at DESC, bet_id DESC, sign DESC
        LIMIT {limit:UInt32}
        UNION ALL
        SELECT
            lower(kind) AS type,
            transaction_id AS id,
            toInt8(0) AS part,
            user_id AS player_id,
            created_at,
            occurred_at AS updated_at,
            currency,
            amount,
            status,
            real_balance_after,
            bonus_balance_after,
            toUInt32(0) AS game_id,
            '' AS bet_type,
            toInt64(0) AS wager,
            toInt64(0) AS win,
            toInt64(0) AS jackpot,
            toInt64(0) AS ggr,
            fee,
            method,
            provider,
            reason
        FROM tenant_transactions(operator_id = {operator_id:UInt16})
        WHERE
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {to_time:DateTime64(6, 'UTC')}
            AND created_at <= {cursor_time:DateTime64(6, 'UTC')}
            AND (created_at, transaction_id, toInt8(0))
            < ({cursor_time:DateTime64(6, 'UTC')}, {cursor_id:UUID}, {cursor_part:Int8})
            AND ({include_bots:UInt8} = 1 OR is_bot = 0)
            AND (
                {type:String} = ''
                OR kind = upper({type:String})
                OR ({type:String} = 'cashback' AND kind = 'BONUS' AND method = 'CASHBACK')
            )
        ORDER BY created_at DESC, transaction_id DESC, event_no DESC
        LIMIT 1 BY created_at, transaction_id
        LIMIT {limit:UInt32}
    )
    ORDER BY created_at DESC, id DESC, part DESC
    LIMIT {limit:UInt32}
)

SELECT
    page.*,
    games.game_name AS game_name
FROM page
LEFT JOIN (SELECT game_id AS catalogue_id, name AS game_name FROM current_games) AS games
    ON games.catalogue_id = page.game_id
ORDER BY page.created_at DESC, page.id DESC, page.part DESC
