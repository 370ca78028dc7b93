-- name: store_money
-- One statement for everything a transaction changes in wallets, bets, postings, outbox and pools.
-- The arrays are of the tables' own row types, so a column is named once, in the schema. A pool has
-- one row, however many bets fed it, and the secret of a new cycle if there is one.
WITH bets AS (
    INSERT INTO bet_log SELECT * FROM unnest($1::bet_log[])
),

postings AS (
    INSERT INTO posting SELECT * FROM unnest($2::posting[])
),

events AS (
    INSERT INTO outbox (topic, key, payload)
    SELECT event.topic, event.key, event.payload
    FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS event (topic, key, payload)
),

changed AS (
    SELECT * FROM unnest($6::player_change[])
),

experience AS (
    UPDATE "user"
    SET vip_experience = changed.vip_experience, vip_level = changed.vip_level
    FROM changed
    WHERE
        "user".operator_id = changed.operator_id AND "user".user_id = changed.user_id
        AND "user".vip_experience <> changed.vip_experience
),

pools AS (
    UPDATE jackpot_pool
    SET
        amount_e4 = fed.amount_e4,
        cycle_no = fed.cycle_no,
        commitment = coalesce(fed.commitment, jackpot_pool.commitment),
        encrypted_hit = coalesce(fed.encrypted_hit, jackpot_pool.encrypted_hit),
        updated_at = $7
    FROM
        unnest($8::smallint[], $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[])
            AS fed (pool_id, amount_e4, cycle_no, commitment, encrypted_hit)
    WHERE jackpot_pool.pool_id = fed.pool_id
)

UPDATE wallet
SET
    real_balance = changed.real_balance,
    bonus_balance = changed.bonus_balance,
    held_balance = changed.held_balance,
    debt = changed.debt,
    deposit_wagering_required = changed.deposit_wagering_required,
    deposit_wagering_progress_e4 = changed.deposit_wagering_progress_e4,
    bonus_wagering_required = changed.bonus_wagering_required,
    bonus_wagering_progress_e4 = changed.bonus_wagering_progress_e4,
    bonus_policy_version = changed.bonus_policy_version,
    fairness_nonce = changed.fairness_nonce,
    updated_at = $7
FROM changed
WHERE wallet.operator_id = changed.operator_id AND wallet.user_id = changed.user_id;

-- name: store_tasks
INSERT INTO bonus_task SELECT * FROM unnest($1::bonus_task[])
ON CONFLICT (operator_id, task_id) DO UPDATE SET
    status = excluded.status,
    granted = excluded.granted,
    balance = excluded.balance,
    required = excluded.required,
    progress_e4 = excluded.progress_e4,
    converted = excluded.converted,
    event_no = excluded.event_no,
    closed_at = excluded.closed_at;

-- name: store_grants
INSERT INTO free_spin_grant SELECT * FROM unnest($1::free_spin_grant[])
ON CONFLICT (operator_id, grant_id) DO UPDATE SET
    used = excluded.used,
    status = excluded.status,
    task_id = excluded.task_id;

-- name: insert_cycle
INSERT INTO jackpot_cycle (
    pool_id, cycle_no, seed, carried_e4, commitment, encrypted_hit, opened_at
) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: insert_win
INSERT INTO jackpot_win (
    pool_id, cycle_no, operator_id, bet_id, user_id, amount, hit_e4, nonce, won_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
