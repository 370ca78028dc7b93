-- A batch of bets is locked and read in one round trip. Each statement of a volatile function has a
-- snapshot of its own, so what is read after a lock sees what the lock waited for.

CREATE TYPE loaded_player AS (
    operator_id smallint,
    user_id uuid,
    status text,
    excluded_until timestamptz,
    vip_experience bigint,
    vip_level smallint,
    is_bot boolean,
    affiliate_id int,
    currency text,
    real_balance bigint,
    held_balance bigint,
    debt bigint,
    deposit_wagering_required bigint,
    deposit_wagering_progress_e4 bigint,
    bonus_wagering_required bigint,
    bonus_wagering_progress_e4 bigint,
    bonus_policy_version int,
    fairness_seed_id uuid,
    fairness_nonce bigint,
    encrypted_seed bytea,
    seed_hash bytea,
    tasks bonus_task [],
    grants free_spin_grant [],
    tombstones text []
);
COMMENT ON TYPE loaded_player IS 'A player whose wallet is locked, as the rules need them';

-- Whoever writes a player's tasks, grants or tombstones holds the wallet's lock, so they need none
-- of their own. Stable, so that it becomes a part of the statement that calls it.
CREATE FUNCTION load_players(operators smallint [], users uuid [])
RETURNS SETOF loaded_player
LANGUAGE sql STABLE AS $$
SELECT
    w.operator_id, w.user_id, u.status, u.excluded_until, u.vip_experience, u.vip_level, u.is_bot,
    u.affiliate_id, w.currency, w.real_balance, w.held_balance, w.debt,
    w.deposit_wagering_required, w.deposit_wagering_progress_e4, w.bonus_wagering_required,
    w.bonus_wagering_progress_e4, w.bonus_policy_version, w.fairness_seed_id, w.fairness_nonce,
    s.encrypted_seed, s.seed_hash,
    array(
        SELECT t FROM bonus_task AS t
        WHERE t.operator_id = w.operator_id AND t.user_id = w.user_id AND t.status = 'ACTIVE'
        ORDER BY t.task_id
    ),
    array(
        SELECT g FROM free_spin_grant AS g
        WHERE g.operator_id = w.operator_id AND g.user_id = w.user_id AND g.status = 'ACTIVE'
        ORDER BY g.grant_id
    ),
    array(
        SELECT b.idempotency_key FROM bet_tombstone AS b
        WHERE b.operator_id = w.operator_id AND b.user_id = w.user_id
    )
FROM unnest(operators, users) AS asked (operator_id, user_id)
INNER JOIN wallet AS w ON asked.operator_id = w.operator_id AND asked.user_id = w.user_id
INNER JOIN "user" AS u ON asked.operator_id = u.operator_id AND asked.user_id = u.user_id
INNER JOIN fairness_seed AS s
    ON
        asked.operator_id = s.operator_id AND asked.user_id = s.user_id
        AND w.fairness_seed_id = s.seed_id
$$;

-- Wallets first, in key order, then pools by id: the one lock order of every writer. A wallet that
-- another transaction holds is skipped, and its bets wait for the next batch, so that one slow
-- holder delays only its own. NO KEY UPDATE: foreign keys that point at a wallet need not wait.
-- `fed` are the pools that the bets feed by the caller's catalogue; they are locked only if that
-- is still the current one. A row of a pool carries its cycle's secret, so that what is read is
-- what the lock waited for.
CREATE FUNCTION load_batch(
    IN wallet_operators smallint [],
    IN wallet_users uuid [],
    IN bet_operators smallint [],
    IN bet_users uuid [],
    IN bet_keys text [],
    IN catalogue bigint,
    IN fed smallint [],
    OUT clock timestamptz,
    OUT version bigint,
    OUT players loaded_player [],
    OUT known bet_log [],
    OUT seed_hashes bytea [],
    OUT pools jackpot_pool []
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    operators smallint[];
    users uuid[];
BEGIN
    SELECT array_agg(locked.operator_id), array_agg(locked.user_id) INTO operators, users
    FROM (
        SELECT w.operator_id, w.user_id
        FROM unnest(wallet_operators, wallet_users) AS asked (operator_id, user_id)
        INNER JOIN wallet AS w ON asked.operator_id = w.operator_id AND asked.user_id = w.user_id
        ORDER BY w.operator_id, w.user_id
        FOR NO KEY UPDATE OF w SKIP LOCKED
    ) AS locked;

    SELECT
        clock_timestamp(),
        c.version,
        array(SELECT p FROM load_players(operators, users) AS p)
    INTO clock, version, players
    FROM catalogue_version AS c;

    -- One probe of the unique key for each bet; the seed's hash is looked up for hits alone.
    SELECT
        array_agg(b),
        array_agg((
            SELECT s.seed_hash FROM fairness_seed AS s
            WHERE
                s.operator_id = b.operator_id AND s.user_id = b.user_id AND s.seed_id = b.seed_id
        ))
    INTO known, seed_hashes
    FROM unnest(bet_operators, bet_users, bet_keys) AS asked (operator_id, user_id, key)
    INNER JOIN bet_log AS b
        ON
            asked.operator_id = b.operator_id AND asked.user_id = b.user_id
            AND asked.key = b.idempotency_key;

    IF version = catalogue AND fed <> '{}' THEN
        pools := array(
            SELECT p FROM jackpot_pool AS p
            WHERE p.pool_id = ANY(fed) AND p.active
            ORDER BY p.pool_id
            FOR NO KEY UPDATE
        );
    END IF;
END $$;

REVOKE ALL ON FUNCTION load_players, load_batch FROM public;
GRANT EXECUTE ON FUNCTION load_players, load_batch TO pitboss_batch;
