-- What the warehouse must hold of bonuses, free spins and jackpots after the batch with snapshot
-- $1, from $2 on. BONUS_COST: what was credited to bonuses less what the operator took back; what
-- a bet's rollback did to bonuses belongs to the bet's time. CONVERTED: bonus that became real.
SELECT
    operator_id,
    to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00') AS hour,
    kind,
    sum(events)::bigint AS events,
    sum(amount)::bigint AS amount
FROM (
    SELECT
        p.operator_id,
        date_trunc('hour', coalesce(b.created_at, p.created_at), 'UTC') AS hour,
        'BONUS_COST' AS kind,
        0 AS events,
        -sum(p.amount) AS amount
    FROM posting AS p
    LEFT JOIN bet_log AS b
        ON p.reference_kind = 'rollback'
            AND p.operator_id = b.operator_id AND p.reference_id = b.bet_id
    WHERE
        p.account = 'operator_bonus'
        -- A rollback comes after its bet: the second condition only lets an index find the rows.
        AND coalesce(b.created_at, p.created_at) >= $2 AND p.created_at >= $2
    GROUP BY 1, 2
    UNION ALL
    SELECT
        operator_id,
        date_trunc('hour', closed_at, 'UTC') AS hour,
        'CONVERTED',
        count(*),
        sum(converted)
    FROM bonus_task
    WHERE status = 'COMPLETED' AND closed_at >= $2
    GROUP BY operator_id, hour
    UNION ALL
    SELECT
        operator_id,
        date_trunc('hour', created_at, 'UTC') AS hour,
        'FREE_SPINS',
        count(*),
        sum(stake)
    FROM free_spin_grant
    WHERE created_at >= $2
    GROUP BY operator_id, hour
    UNION ALL
    SELECT
        operator_id,
        date_trunc('hour', won_at, 'UTC') AS hour,
        'JACKPOT',
        count(*),
        sum(amount)
    FROM jackpot_win
    WHERE won_at >= $2
    GROUP BY operator_id, hour
    UNION ALL
    SELECT
        (payload -> 'operator_id')::bigint,
        date_trunc('hour', (payload ->> 'occurred_at')::timestamptz, 'UTC') AS hour,
        CASE
            WHEN payload ->> 'kind' <> 'BONUS' THEN payload ->> 'kind'
            WHEN payload ->> 'status' = 'COMPLETED' THEN 'CONVERTED'
            ELSE 'BONUS_COST'
        END,
        -count(*) FILTER (
            WHERE payload ->> 'kind' <> 'BONUS' OR payload ->> 'status' = 'COMPLETED'
        ),
        sum(
            (payload -> 'amount')::bigint
            * CASE
                WHEN payload ->> 'status' IN (
                    'FORFEITED', 'EXPIRED', 'WAIVED', 'REVOKED', 'RETURNED'
                ) THEN 1
                ELSE -1
            END
        )
    FROM outbox
    WHERE
        topic = 'transactions'
        AND (
            payload ->> 'kind' IN ('BONUS', 'JACKPOT')
            OR (payload ->> 'kind' = 'FREE_SPINS' AND payload ->> 'status' = 'GRANTED')
        )
        AND (payload ->> 'occurred_at')::timestamptz >= $2
        AND xid >= pg_snapshot_xmin($1::text::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1, 2, 3
) AS counted
GROUP BY operator_id, hour, kind
HAVING sum(events) <> 0 OR sum(amount) <> 0
