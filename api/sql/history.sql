-- name: begun
-- When a history was begun before, if ever, and whether it was finished.
SELECT
    min(occurred_at) FILTER (WHERE action = 'history.begun') AS begun_at,
    bool_or(action = 'history.finished') AS finished
FROM audit_log
WHERE action IN ('history.begun', 'history.finished');

-- name: brands
SELECT operator_id, slug, time_zone FROM operator WHERE active ORDER BY operator_id;

-- name: usernames
SELECT operator_id, username FROM "user";

-- name: open_affiliates
-- Affiliates whose weeks from $1 on are still unstated: a statement is never changed, so nobody
-- may bring players into a week that it covers.
SELECT a.operator_id, a.code
FROM affiliate AS a
WHERE
    a.active
    AND NOT EXISTS (
        SELECT FROM affiliate_statement AS s
        WHERE
            s.operator_id = a.operator_id AND s.affiliate_id = a.affiliate_id AND s.week >= $1
    )
ORDER BY a.operator_id, a.affiliate_id;

-- name: hold_job
-- The lock that a run of the job takes; goes with the connection.
SELECT pg_advisory_lock(hashtextextended('pitboss job ' || $1::text, 0));
