-- The bets in [$2, $3) that batches up to the one with snapshot $1 brought, and their rollbacks.
SELECT row_to_json(told)::text AS payload
FROM (
    SELECT
        b.operator_id,
        b.bet_id,
        b.user_id,
        b.game_id,
        g.category_id,
        g.provider,
        coalesce(b.affiliate_id, 0) AS affiliate_id,
        u.is_bot::int AS is_bot,
        b.currency,
        b.bet_type,
        1 AS sign,
        b.wager,
        b.wager_real,
        b.wager_bonus,
        b.win,
        b.win_real,
        b.win_bonus,
        b.jackpot,
        b.jackpot_contribution_e4,
        b.free_spin_stake,
        b.free_spin_win,
        b.ggr,
        b.theoretical_ggr_e4,
        g.rtp_bps,
        b.xp_added,
        b.vip_level,
        b.real_balance_after,
        b.bonus_balance_after,
        b.real_balance_after - b.real_balance_before
        + b.bonus_balance_after - b.bonus_balance_before AS liability_delta,
        b.bonus_policy,
        b.bonus_policy_version,
        b.created_at
    FROM bet_log AS b
    INNER JOIN "user" AS u ON b.operator_id = u.operator_id AND b.user_id = u.user_id
    INNER JOIN game_version AS g
        ON
            b.game_id = g.game_id
            AND g.version = coalesce(
                b.game_version,
                (SELECT min(k.version) FROM game_version AS k WHERE k.game_id = b.game_id)
            )
    WHERE
        b.created_at >= $2 AND b.created_at < $3
        AND NOT EXISTS (
            SELECT FROM outbox AS o
            WHERE
                o.topic = 'bets'
                AND o.key = b.bet_id::text
                AND o.payload -> 'sign' = '1'
                AND o.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                AND NOT pg_visible_in_snapshot(o.xid, $1::text::pg_snapshot)
        )
) AS told
UNION ALL
SELECT payload::text
FROM money_event
WHERE
    topic = 'bets'
    AND created_at >= $2 AND created_at < $3
    AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
