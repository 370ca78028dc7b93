-- What the operators owe their players (real, bonus and held money) at the batch with snapshot $1:
-- the wallets of this moment without what a later batch will tell. A stock: it has no beginning.
SELECT operator_id, sum(liability)::bigint AS liability
FROM (
    SELECT
        operator_id::bigint AS operator_id,
        sum(real_balance + bonus_balance + held_balance) AS liability
    FROM wallet
    GROUP BY operator_id
    UNION ALL
    SELECT
        (payload -> 'operator_id')::bigint,
        -sum((payload -> 'liability_delta')::bigint)
    FROM outbox
    WHERE
        topic IN ('bets', 'transactions')
        AND xid >= pg_snapshot_xmin($1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1
) AS counted
GROUP BY operator_id
HAVING sum(liability) <> 0
