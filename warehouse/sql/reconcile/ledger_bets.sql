-- What the warehouse must hold of bets after the batch with snapshot $1: the bets of this moment
-- that stand, without those that a later batch will bring or take out. From $2 on.
SELECT
    operator_id,
    game_id,
    to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00') AS hour,
    bet_type,
    sum(bets)::bigint AS bets,
    sum(wager)::bigint AS wager,
    sum(wager_real)::bigint AS wager_real,
    sum(wager_bonus)::bigint AS wager_bonus,
    sum(win)::bigint AS win,
    sum(win_real)::bigint AS win_real,
    sum(win_bonus)::bigint AS win_bonus,
    sum(jackpot)::bigint AS jackpot,
    sum(jackpot_contribution_e4)::bigint AS jackpot_contribution_e4,
    sum(free_spin_stake)::bigint AS free_spin_stake,
    sum(free_spin_win)::bigint AS free_spin_win,
    sum(theoretical_ggr_e4)::bigint AS theoretical_ggr_e4,
    sum(xp_added)::bigint AS xp_added
FROM (
    SELECT
        operator_id,
        game_id,
        date_trunc('hour', created_at, 'UTC') AS hour,
        bet_type,
        count(*) AS bets,
        sum(wager) AS wager,
        sum(wager_real) AS wager_real,
        sum(wager_bonus) AS wager_bonus,
        sum(win) AS win,
        sum(win_real) AS win_real,
        sum(win_bonus) AS win_bonus,
        sum(jackpot) AS jackpot,
        sum(jackpot_contribution_e4) AS jackpot_contribution_e4,
        sum(free_spin_stake) AS free_spin_stake,
        sum(free_spin_win) AS free_spin_win,
        sum(theoretical_ggr_e4) AS theoretical_ggr_e4,
        sum(xp_added) AS xp_added
    FROM bet_log
    WHERE
        created_at >= $2
        AND NOT EXISTS (
            SELECT FROM bet_rollback AS r
            WHERE r.operator_id = bet_log.operator_id AND r.bet_id = bet_log.bet_id
        )
    GROUP BY operator_id, game_id, hour, bet_type
    UNION ALL
    SELECT
        (payload -> 'operator_id')::bigint,
        (payload -> 'game_id')::bigint,
        date_trunc('hour', (payload ->> 'created_at')::timestamptz, 'UTC') AS hour,
        payload ->> 'bet_type',
        -sum((payload -> 'sign')::bigint),
        -sum((payload -> 'wager')::bigint),
        -sum((payload -> 'wager_real')::bigint),
        -sum((payload -> 'wager_bonus')::bigint),
        -sum((payload -> 'win')::bigint),
        -sum((payload -> 'win_real')::bigint),
        -sum((payload -> 'win_bonus')::bigint),
        -sum((payload -> 'jackpot')::bigint),
        -sum((payload -> 'jackpot_contribution_e4')::bigint),
        -sum((payload -> 'free_spin_stake')::bigint),
        -sum((payload -> 'free_spin_win')::bigint),
        -sum((payload -> 'theoretical_ggr_e4')::bigint),
        -sum((payload -> 'xp_added')::bigint)
    FROM outbox
    WHERE
        topic = 'bets'
        AND (payload ->> 'created_at')::timestamptz >= $2
        AND xid >= pg_snapshot_xmin($1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1, 2, 3, 4
) AS counted
GROUP BY operator_id, game_id, hour, bet_type
HAVING sum(bets) <> 0 OR sum(wager) <> 0 OR sum(free_spin_stake) <> 0
