-- Runtime roles own nothing. The login roles themselves are made by ledger.roles before this runs,
-- since roles belong to the server and their passwords to the deployment.
--   pitboss_auth   credentials, sessions, registration
--   pitboss_app    player and operator reads, the back office; bound to one tenant a transaction
--   pitboss_batch  money: bets and payments, several tenants in one transaction
--   pitboss_relay  the outbox and its batches

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM public;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM public;
GRANT USAGE ON SCHEMA public TO pitboss_auth, pitboss_app, pitboss_batch, pitboss_relay;

-- authentication
GRANT SELECT ON operator, affiliate, catalogue_version TO pitboss_auth;
GRANT SELECT, INSERT, UPDATE ON "user", staff, login_name TO pitboss_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO pitboss_auth;
GRANT SELECT, INSERT ON wallet, fairness_seed, audit_log TO pitboss_auth;

-- reads by tenant, and the back office
GRANT SELECT ON operator, affiliate, game, game_category, operator_game, catalogue_version, wallet,
bet_log, transaction, transaction_event, posting TO pitboss_app;
GRANT SELECT (operator_id, user_id, username, email, status, excluded_until, vip_experience,
    vip_level, is_bot, affiliate_id, version, created_at) ON "user" TO pitboss_app;
GRANT UPDATE (status) ON "user" TO pitboss_app;
GRANT INSERT, UPDATE ON operator, affiliate, game, game_category, operator_game TO pitboss_app;
GRANT SELECT, INSERT ON audit_log TO pitboss_app;
GRANT SELECT (operator_id, user_id, seed_id, seed_hash, encrypted_seed, nonces_used, revealed_at,
    created_at) ON fairness_seed TO pitboss_app;

-- money
GRANT SELECT ON operator, game, game_category, operator_game, catalogue_version TO pitboss_batch;
GRANT SELECT (operator_id, user_id, username, status, excluded_until, vip_experience, vip_level,
    is_bot, affiliate_id) ON "user" TO pitboss_batch;
GRANT UPDATE (vip_experience, vip_level, status) ON "user" TO pitboss_batch;
GRANT SELECT, UPDATE ON wallet, transaction TO pitboss_batch;
GRANT SELECT, INSERT ON bet_log, posting, transaction, transaction_event, webhook_receipt, outbox,
audit_log TO pitboss_batch;
GRANT SELECT, INSERT, UPDATE ON fairness_seed TO pitboss_batch;

-- relay
GRANT SELECT ON outbox TO pitboss_relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON relay_batch TO pitboss_relay;
GRANT SELECT (batch_no, as_of, sent_at) ON relay_batch TO pitboss_app;
GRANT EXECUTE ON FUNCTION outbox_create_partition, outbox_drop_consumed TO pitboss_relay;

-- Row-level security, forced also on the owner. Without app.operator_id the tenant role sees no
-- row; after a SET LOCAL transaction the setting is '' and not NULL, hence nullif.
CREATE FUNCTION current_operator() RETURNS smallint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.operator_id', true), '')::smallint;
GRANT EXECUTE ON FUNCTION current_operator TO public;

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'user', 'affiliate', 'operator_game', 'wallet', 'fairness_seed', 'bet_log', 'transaction',
        'transaction_event', 'posting'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO pitboss_app USING (operator_id = current_operator())
             WITH CHECK (operator_id = current_operator())', tenant_table);
        EXECUTE format(
            'CREATE POLICY every_tenant ON %I TO pitboss_auth, pitboss_batch, current_user
             USING (true) WITH CHECK (true)', tenant_table);
    END LOOP;
END $$;
-- The back office and the audit trail of one operator; rows of the platform have no tenant.
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_read ON audit_log FOR SELECT TO pitboss_app
USING (operator_id = current_operator());
CREATE POLICY append ON audit_log FOR INSERT TO pitboss_app, pitboss_auth, pitboss_batch
WITH CHECK (true);
CREATE POLICY relay_writes ON audit_log FOR INSERT TO pitboss_relay WITH CHECK (true);
