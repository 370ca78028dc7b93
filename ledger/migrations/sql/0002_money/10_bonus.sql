-- Bonus policies are declared data. A change is a new version; bets and tasks name theirs.

CREATE TABLE jurisdiction_cap (
    jurisdiction text PRIMARY KEY,
    bonus_multiplier_cap int NOT NULL CHECK (bonus_multiplier_cap >= 1),
    since date NOT NULL,
    source text NOT NULL
);
INSERT INTO jurisdiction_cap VALUES
('GB', 10, '2026-01-19', 'Gambling Commission, social responsibility code 5.1.1');

CREATE TABLE bonus_policy (
    operator_id smallint NOT NULL REFERENCES operator,
    version int NOT NULL,
    name text NOT NULL,
    funding text NOT NULL,
    wagering_source text NOT NULL,
    requirement text NOT NULL,
    bust text NOT NULL,
    multiplier int NOT NULL,
    max_bet bigint NOT NULL,
    min_bet bigint NOT NULL,
    expiry_days int NOT NULL,
    bonus_xp_rate_bps int NOT NULL DEFAULT 5000,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator_id, version),
    CONSTRAINT bonus_policy_funding_check CHECK (funding IN ('single', 'mixed')),
    CONSTRAINT bonus_policy_source_check CHECK (wagering_source IN ('bonus_bets', 'all_bets')),
    CONSTRAINT bonus_policy_requirement_check CHECK (requirement IN ('per_task', 'pooled')),
    CONSTRAINT bonus_policy_bust_check
    CHECK (bust IN ('clears_requirement', 'keeps_requirement')),
    CONSTRAINT bonus_policy_numbers_check
    CHECK (multiplier >= 1 AND min_bet >= 1 AND max_bet >= min_bet AND expiry_days >= 1)
);
CREATE TRIGGER bonus_policy_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bonus_policy
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bonus_policy_catalogue AFTER INSERT ON bonus_policy
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();

-- The platform's defaults, by name; an operator starts with a copy of the one it names, its
-- multiplier within the jurisdiction's cap.
CREATE FUNCTION default_bonus_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO bonus_policy (
        operator_id, version, name, funding, wagering_source, requirement, bust, multiplier,
        max_bet, min_bet, expiry_days
    )
    SELECT
        NEW.operator_id, NEW.bonus_policy_version, d.name, d.funding, d.source, d.requirement,
        d.bust, least(d.multiplier, cap.bonus_multiplier_cap), d.max_bet, d.min_bet, d.expiry_days
    FROM (VALUES
        ('strict', 'single', 'bonus_bets', 'per_task', 'clears_requirement', 10, 500, 10, 30),
        ('mixed', 'mixed', 'all_bets', 'pooled', 'keeps_requirement', 30, 500, 1, 30)
    ) AS d (name, funding, source, requirement, bust, multiplier, max_bet, min_bet, expiry_days)
    LEFT JOIN jurisdiction_cap AS cap ON cap.jurisdiction = NEW.jurisdiction
    WHERE d.name = NEW.bonus_policy
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
INSERT INTO bonus_policy (
    operator_id, version, name, funding, wagering_source, requirement, bust, multiplier,
    max_bet, min_bet, expiry_days
)
SELECT
    o.operator_id, o.bonus_policy_version, d.name, d.funding, d.source, d.requirement, d.bust,
    least(d.multiplier, cap.bonus_multiplier_cap), d.max_bet, d.min_bet, d.expiry_days
FROM operator AS o
INNER JOIN (VALUES
    ('strict', 'single', 'bonus_bets', 'per_task', 'clears_requirement', 10, 500, 10, 30),
    ('mixed', 'mixed', 'all_bets', 'pooled', 'keeps_requirement', 30, 500, 1, 30)
) AS d (name, funding, source, requirement, bust, multiplier, max_bet, min_bet, expiry_days)
    ON o.bonus_policy = d.name
LEFT JOIN jurisdiction_cap AS cap ON o.jurisdiction = cap.jurisdiction;
CREATE TRIGGER operator_default_policy AFTER INSERT OR UPDATE OF bonus_policy_version ON operator
FOR EACH ROW EXECUTE FUNCTION default_bonus_policy();
ALTER TABLE operator DROP CONSTRAINT operator_bonus_policy_check;
ALTER TABLE operator ADD CONSTRAINT operator_bonus_policy_check
CHECK (bonus_policy IN ('strict', 'mixed', 'custom'));
-- Deferred, since the trigger writes the policy's row after the operator's.
ALTER TABLE operator ADD CONSTRAINT operator_bonus_policy_fkey
FOREIGN KEY (operator_id, bonus_policy_version) REFERENCES bonus_policy (operator_id, version)
DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE bonus_task (
    operator_id smallint NOT NULL,
    task_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL DEFAULT 'ACTIVE',
    currency text NOT NULL,
    granted bigint NOT NULL,
    balance bigint NOT NULL,
    required bigint NOT NULL,
    progress_e4 bigint NOT NULL DEFAULT 0,
    converted bigint NOT NULL DEFAULT 0,
    game_id int REFERENCES game,
    grant_id uuid,
    source_id uuid NOT NULL,
    policy_version int NOT NULL,
    event_no int NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (operator_id, task_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES wallet,
    FOREIGN KEY (operator_id, policy_version) REFERENCES bonus_policy,
    CONSTRAINT bonus_task_kind_check
    CHECK (kind IN ('DEPOSIT', 'GRANT', 'FREE_SPINS', 'CASHBACK')),
    CONSTRAINT bonus_task_status_check
    CHECK (status IN ('ACTIVE', 'COMPLETED', 'FORFEITED', 'EXPIRED', 'WAIVED')),
    CONSTRAINT bonus_task_balance_check CHECK (
        balance >= 0 AND granted >= 0 AND required >= 0 AND converted >= 0
        AND progress_e4 BETWEEN 0 AND required * 10000
    ),
    CONSTRAINT bonus_task_closed_check
    CHECK ((status = 'ACTIVE') = (closed_at IS NULL) AND (status = 'ACTIVE' OR balance = 0))
) WITH (fillfactor = 70);
CREATE INDEX bonus_task_open_idx ON bonus_task (operator_id, user_id, task_id)
WHERE status = 'ACTIVE';
CREATE INDEX bonus_task_expiry_idx ON bonus_task (expires_at) WHERE status = 'ACTIVE';
COMMENT ON TABLE bonus_task IS 'Ids are UUIDv7: their order is the order of granting';

CREATE TABLE free_spin_grant (
    operator_id smallint NOT NULL,
    grant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    game_id int NOT NULL REFERENCES game,
    stake bigint NOT NULL,
    count int NOT NULL,
    used int NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'ACTIVE',
    source text NOT NULL,
    source_key text NOT NULL,
    task_id uuid,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, grant_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES wallet,
    CONSTRAINT free_spin_grant_count_check CHECK (count > 0 AND used BETWEEN 0 AND count),
    CONSTRAINT free_spin_grant_stake_check CHECK (stake > 0),
    CONSTRAINT free_spin_grant_status_check
    CHECK (status IN ('ACTIVE', 'USED', 'EXPIRED', 'REVOKED'))
) WITH (fillfactor = 70);
-- Spins that were revoked unplayed may be granted again: a level lost by a rollback and regained.
CREATE UNIQUE INDEX free_spin_grant_source_key
ON free_spin_grant (operator_id, user_id, source, source_key)
WHERE status <> 'REVOKED' OR used > 0;
CREATE INDEX free_spin_grant_open_idx ON free_spin_grant (operator_id, user_id, grant_id)
WHERE status = 'ACTIVE';
COMMENT ON COLUMN free_spin_grant.source_key
IS 'What granted it; unique, so that a level or a deposit grants its spins once';

ALTER TABLE wallet ADD COLUMN bonus_policy_version int;
COMMENT ON COLUMN wallet.bonus_policy_version
IS 'The policy that open bonuses are under; a newer one applies once they have ended';
