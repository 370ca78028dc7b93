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
-- A bet's journal moves the player's money by win minus wager, and the bet says so.
WITH posted AS (
    SELECT operator_id, reference_id AS bet_id, sum(amount) AS moved
    FROM posting
    WHERE reference_kind = 'bet' AND account IN ('player_real', 'player_bonus')
    GROUP BY operator_id, reference_id
)

SELECT
    coalesce(b.operator_id, p.operator_id) AS operator_id,
    coalesce(b.bet_id, p.bet_id)::text AS key,
    coalesce(b.win - b.wager, 0) - coalesce(p.moved, 0) AS difference
FROM bet_log AS b
FULL JOIN posted AS p ON b.operator_id = p.operator_id AND b.bet_id = p.bet_id
WHERE b.bet_id IS NULL OR p.bet_id IS NULL OR b.win - b.wager <> p.moved
LIMIT 100;

-- name: transactions_unlike_their_postings
-- A completed deposit has credited its amount, any other has credited nothing.
WITH posted AS (
    SELECT operator_id, reference_id AS transaction_id, sum(amount) AS moved
    FROM posting
    WHERE reference_kind = 'deposit' AND account = 'player_real'
    GROUP BY operator_id, reference_id
)

SELECT
    coalesce(t.operator_id, p.operator_id) AS operator_id,
    coalesce(t.transaction_id, p.transaction_id)::text AS key,
    coalesce(CASE WHEN t.status = 'COMPLETED' THEN t.amount END, 0)
    - coalesce(p.moved, 0) AS difference
FROM transaction AS t
FULL JOIN posted AS p ON t.operator_id = p.operator_id AND t.transaction_id = p.transaction_id
WHERE
    (t.kind = 'DEPOSIT' OR t.transaction_id IS NULL)
    AND coalesce(CASE WHEN t.status = 'COMPLETED' THEN t.amount END, 0) <> coalesce(p.moved, 0)
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
