-- name: find_affiliate
SELECT affiliate_id FROM affiliate WHERE operator_id = $1 AND code = $2 AND active;

-- name: insert_user
INSERT INTO "user" (
    operator_id, user_id, username, email, password_hash, is_bot, affiliate_id, created_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()))
RETURNING created_at;

-- name: insert_login_names
INSERT INTO login_name (namespace, login, subject_kind, subject_id)
SELECT $1::smallint, login, $3::text, $4::uuid FROM unnest($2::text[]) AS login;

-- name: insert_seed
INSERT INTO fairness_seed (
    operator_id, user_id, seed_id, encrypted_seed, seed_hash, created_at
) VALUES ($1, $2, $3, $4, $5, $6);

-- name: insert_wallet
INSERT INTO wallet (operator_id, user_id, currency, fairness_seed_id)
SELECT operator_id, $2, currency, $3 FROM operator WHERE operator_id = $1;
