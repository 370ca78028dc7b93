-- name: unbalanced_journals
SELECT operator_id, journal_id::text AS key, sum(amount) AS difference
FROM posting
GROUP BY operator_id, journal_id, currency
HAVING sum(amount) <> 0
LIMIT 100;

-- name: wallets_unlike_their_postings
-- Every balance of every wallet against the sum of its postings, also where either is missing.
WITH posted AS (
    SELECT
        operator_id,
        user_id,
        sum(amount) FILTER (WHERE account = 'player_real') AS real_balance,
        sum(amount) FILTER (WHERE account = 'player_bonus') AS bonus_balance,
        sum(amount) FILTER (WHERE account = 'player_held') AS held_balance
    FROM posting
    WHERE user_id IS NOT NULL
    GROUP BY operator_id, user_id
)

SELECT
    coalesce(w.operator_id, p.operator_id) AS operator_id,
    coalesce(w.user_id, p.user_id)::text AS key,
    coalesce(w.real_balance, 0) - coalesce(p.real_balance, 0)
    + coalesce(w.bonus_balance, 0) - coalesce(p.bonus_balance, 0)
    + coalesce(w.held_balance, 0) - coalesce(p.held_balance, 0) AS difference
FROM wallet AS w
FULL JOIN posted AS p ON w.operator_id = p.operator_id AND w.user_id = p.user_id
WHERE
    (coalesce(w.real_balance, 0), coalesce(w.bonus_balance, 0), coalesce(w.held_balance, 0))
    <> (coalesce(p.real_balance, 0), coalesce(p.bonus_balance, 0), coalesce(p.held_balance, 0))
LIMIT 100;

-- name: bets_unlike_their_postings
-- A bet's journal moves wager minus win through the gaming account, its rollback moves it back.
WITH posted AS (
    SELECT operator_id, reference_id AS bet_id, reference_kind, sum(amount) AS gaming
    FROM posting
    WHERE reference_kind IN ('bet', 'rollback') AND account = 'operator_gaming'
    GROUP BY operator_id, reference_id, reference_kind
),

expected AS (
    SELECT operator_id, bet_id, 'bet' AS reference_kind, ggr AS gaming FROM bet_log
    UNION ALL
    SELECT r.operator_id, r.bet_id, 'rollback', -b.ggr
    FROM bet_rollback AS r
    INNER JOIN bet_log AS b ON r.operator_id = b.operator_id AND r.bet_id = b.bet_id
)

SELECT
    coalesce(e.operator_id, p.operator_id) AS operator_id,
    coalesce(e.bet_id, p.bet_id)::text AS key,
    coalesce(e.gaming, 0) - coalesce(p.gaming, 0) AS difference
FROM expected AS e
FULL JOIN posted AS p
    ON
        e.operator_id = p.operator_id AND e.bet_id = p.bet_id
        AND e.reference_kind = p.reference_kind
WHERE coalesce(e.gaming, 0) <> coalesce(p.gaming, 0)
LIMIT 100;

-- name: bonus_balances_unlike_their_tasks
SELECT w.operator_id, w.user_id::text AS key, w.bonus_balance - coalesce(t.balance, 0) AS difference
FROM wallet AS w
LEFT JOIN (
    SELECT operator_id, user_id, sum(balance) AS balance
    FROM bonus_task WHERE status = 'ACTIVE'
    GROUP BY operator_id, user_id
) AS t ON w.operator_id = t.operator_id AND w.user_id = t.user_id
WHERE w.bonus_balance <> coalesce(t.balance, 0)
LIMIT 100;

-- name: debts_unlike_their_postings
SELECT w.operator_id, w.user_id::text AS key, w.debt + coalesce(p.owed, 0) AS difference
FROM wallet AS w
LEFT JOIN (
    SELECT operator_id, user_id, sum(amount) AS owed
    FROM posting WHERE account = 'player_debt'
    GROUP BY operator_id, user_id
) AS p ON w.operator_id = p.operator_id AND w.user_id = p.user_id
WHERE w.debt <> -coalesce(p.owed, 0)
LIMIT 100;

-- name: pools_unlike_their_postings
SELECT
    0 AS operator_id, j.pool_id::text AS key,
    j.amount_e4 / 10000 - coalesce(p.posted, 0) AS difference
FROM jackpot_pool AS j
LEFT JOIN (
    SELECT account, sum(amount) AS posted
    FROM posting WHERE account LIKE 'jackpot_pool:%'
    GROUP BY account
) AS p ON p.account = 'jackpot_pool:' || j.pool_id
WHERE j.amount_e4 / 10000 <> coalesce(p.posted, 0)
LIMIT 100;

-- name: transactions_unlike_their_postings
-- A completed deposit has brought its amount to the settlement account and a completed withdrawal
-- has taken it from there, a reversed one neither; an undecided withdrawal is held, no other is.
WITH posted AS (
    SELECT
        operator_id,
        reference_id AS transaction_id,
        coalesce(-sum(amount) FILTER (WHERE account = 'operator_settlement'), 0) AS settled,
        coalesce(sum(amount) FILTER (WHERE account = 'player_held'), 0) AS held
    FROM posting
    WHERE reference_kind IN ('deposit', 'withdrawal')
    GROUP BY operator_id, reference_id
),

expected AS (
    SELECT
        operator_id,
        transaction_id,
        CASE
            WHEN status <> 'COMPLETED' THEN 0
            WHEN kind = 'DEPOSIT' THEN amount
            ELSE -amount
        END AS settled,
        CASE
            WHEN kind = 'WITHDRAWAL' AND status IN ('PENDING', 'APPROVED') THEN amount ELSE 0
        END AS held
    FROM transaction
    WHERE kind IN ('DEPOSIT', 'WITHDRAWAL')
)

SELECT
    coalesce(e.operator_id, p.operator_id) AS operator_id,
    coalesce(e.transaction_id, p.transaction_id)::text AS key,
    coalesce(e.settled, 0) - coalesce(p.settled, 0)
    + coalesce(e.held, 0) - coalesce(p.held, 0) AS difference
FROM expected AS e
FULL JOIN posted AS p ON e.operator_id = p.operator_id AND e.transaction_id = p.transaction_id
WHERE
    (coalesce(e.settled, 0), coalesce(e.held, 0))
    <> (coalesce(p.settled, 0), coalesce(p.held, 0))
LIMIT 100;

-- name: held_balances_unlike_open_withdrawals
SELECT w.operator_id, w.user_id::text AS key, w.held_balance - coalesce(t.held, 0) AS difference
FROM wallet AS w
LEFT JOIN (
    SELECT operator_id, user_id, sum(amount) AS held
    FROM transaction WHERE kind = 'WITHDRAWAL' AND status IN ('PENDING', 'APPROVED')
    GROUP BY operator_id, user_id
) AS t ON w.operator_id = t.operator_id AND w.user_id = t.user_id
WHERE w.held_balance <> coalesce(t.held, 0)
LIMIT 100;

-- name: statuses_unlike_their_history
SELECT t.operator_id, t.transaction_id::text AS key, t.event_no - count(e.*) AS difference
FROM transaction AS t
LEFT JOIN transaction_event AS e
    ON t.operator_id = e.operator_id AND t.transaction_id = e.transaction_id
GROUP BY t.operator_id, t.transaction_id
HAVING
    count(e.*) <> t.event_no
    OR (array_agg(e.to_status ORDER BY e.event_no DESC))[1] IS DISTINCT FROM t.status
LIMIT 100;
