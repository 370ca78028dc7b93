GRANT SELECT ON jurisdiction_cap, bonus_policy, vip_level, jackpot_pool, jackpot_win, game_jackpot,
payment_method, payment_limit, deposit_offer TO pitboss_app, pitboss_batch;
GRANT SELECT ON bonus_task, free_spin_grant, bet_rollback, affiliate_statement, cashback, job_run
TO pitboss_app;
GRANT SELECT (pool_id, cycle_no, seed, carried_e4, commitment, opened_at) ON jackpot_cycle
TO pitboss_app;
GRANT INSERT ON bonus_policy TO pitboss_app;
GRANT INSERT, UPDATE ON vip_level, payment_method, payment_limit, deposit_offer TO pitboss_app;
GRANT INSERT, DELETE ON game_jackpot TO pitboss_batch;
GRANT USAGE ON SEQUENCE jackpot_pool_pool_id_seq TO pitboss_batch;

GRANT SELECT, INSERT, UPDATE ON bonus_task, free_spin_grant, jackpot_pool TO pitboss_batch;
GRANT SELECT, INSERT ON jackpot_cycle, jackpot_win, bet_rollback, bet_tombstone, cashback,
affiliate_statement TO pitboss_batch;
GRANT SELECT ON affiliate TO pitboss_batch;
GRANT UPDATE (flagged_reason) ON "user" TO pitboss_batch;
GRANT SELECT (flagged_reason) ON "user" TO pitboss_app, pitboss_batch;
GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO pitboss_batch;

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'bonus_policy', 'bonus_task', 'free_spin_grant', 'bet_rollback', 'bet_tombstone',
        'payment_method', 'payment_limit', 'deposit_offer', 'affiliate_statement', 'cashback'
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
