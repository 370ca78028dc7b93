-- Sessions and the accounts behind them, as the authentication role.

-- name: open_session
INSERT INTO session (token_hash, subject_kind, subject_id, operator_id, transport, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
RETURNING created_at, expires_at;

-- A session counts only while its account may log in: a block or an exclusion ends it here even
-- if nobody deleted the row.
-- name: find_sessions
SELECT
    session.token_hash,
    session.subject_kind AS kind,
    session.subject_id,
    session.operator_id,
    session.transport,
    session.created_at,
    session.expires_at,
    coalesce(player.username, staff.username) AS username
FROM session
LEFT JOIN "user" AS player
    ON
        session.subject_kind = 'player'
        AND session.operator_id = player.operator_id AND session.subject_id = player.user_id
LEFT JOIN staff
    ON session.subject_kind <> 'player' AND session.subject_id = staff.staff_id
LEFT JOIN operator ON session.operator_id = operator.operator_id
WHERE
    session.token_hash = any($1::bytea[])
    AND session.expires_at > now()
    AND (
        staff.active
        OR (
            player.status = 'ACTIVE'
            AND (player.excluded_until IS NULL OR player.excluded_until <= now())
        )
    )
    AND (session.operator_id IS NULL OR operator.active);

-- name: end_session
DELETE FROM session WHERE token_hash = $1 RETURNING token_hash;

-- name: end_sessions_of
DELETE FROM session WHERE subject_id = $1 RETURNING token_hash;

-- name: delete_expired
DELETE FROM session WHERE expires_at < now() - interval '1 day';

-- name: find_operator
SELECT operator_id, slug, currency, active FROM operator
WHERE slug = $1 OR host = $2
ORDER BY slug = $1 DESC
LIMIT 1;

-- name: find_account
SELECT
    login_name.subject_kind AS kind,
    login_name.subject_id,
    coalesce(player.username, staff.username) AS username,
    coalesce(player.email, staff.email) AS email,
    coalesce(player.password_hash, staff.password_hash) AS password_hash,
    CASE
        WHEN login_name.subject_kind = 'player' THEN player.status
        WHEN staff.active THEN 'ACTIVE'
        ELSE 'BLOCKED'
    END AS status,
    player.excluded_until,
    coalesce(player.excluded_until > now(), false) AS excluded
FROM login_name
LEFT JOIN "user" AS player
    ON
        login_name.subject_kind = 'player'
        AND login_name.namespace = player.operator_id AND login_name.subject_id = player.user_id
LEFT JOIN staff
    ON login_name.subject_kind <> 'player' AND login_name.subject_id = staff.staff_id
WHERE login_name.namespace = $1 AND login_name.login = $2;

-- name: set_player_password
UPDATE "user" SET password_hash = $3
WHERE operator_id = $1 AND user_id = $2 AND password_hash = $4;

-- name: set_staff_password
UPDATE staff SET password_hash = $3
WHERE operator_id IS NOT DISTINCT FROM $1 AND staff_id = $2 AND password_hash = $4;

-- name: find_profile
SELECT email, NULL AS status, NULL AS currency, NULL::bool AS is_bot, NULL::smallint AS vip_level
FROM staff WHERE $2 <> 'player' AND staff_id = $1
UNION ALL
SELECT player.email, player.status, operator.currency, player.is_bot, player.vip_level
FROM "user" AS player INNER JOIN operator USING (operator_id)
WHERE $2 = 'player' AND player.user_id = $1 AND player.operator_id = $3;

-- name: insert_staff
INSERT INTO staff (staff_id, operator_id, username, email, password_hash)
VALUES ($1, $2, $3, $4, $5)
RETURNING created_at;

-- name: find_known_players
SELECT login FROM login_name
WHERE namespace = $1 AND login = any($2::text[]) AND subject_kind = 'player';
