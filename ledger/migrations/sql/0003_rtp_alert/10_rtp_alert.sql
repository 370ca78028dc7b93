-- A game that does not pay what it declares, as the RTP monitor found it. One alert stands for one
-- game of one operator in one stake band, window and direction, until it is acknowledged.
CREATE TABLE rtp_alert (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator_id smallint NOT NULL REFERENCES operator,
    game_id int NOT NULL REFERENCES game,
    stake_band smallint NOT NULL,
    window_name text NOT NULL,
    direction text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    raised_on jsonb NOT NULL,
    evidence jsonb NOT NULL,
    evidence_to timestamptz NOT NULL,
    looks int NOT NULL DEFAULT 1,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text,
    CONSTRAINT rtp_alert_band_check CHECK (stake_band BETWEEN 0 AND 3),
    CONSTRAINT rtp_alert_window_check CHECK (window_name IN ('1h', '24h', '30d')),
    CONSTRAINT rtp_alert_direction_check CHECK (direction IN ('above', 'below')),
    CONSTRAINT rtp_alert_acknowledged_check CHECK (
        (acknowledged_at IS NULL) = (acknowledged_by IS NULL)
        AND (acknowledged_at IS NULL) = (note IS NULL)
    )
);
COMMENT ON COLUMN rtp_alert.stake_band IS 'The rollups'' band; 0 is all bets with a wager together';
COMMENT ON COLUMN rtp_alert.raised_on IS 'The evidence that raised it';
COMMENT ON COLUMN rtp_alert.evidence IS 'The newest evidence that was out of tolerance';
COMMENT ON COLUMN rtp_alert.evidence_to IS 'End of the newest evidence''s window';
COMMENT ON COLUMN rtp_alert.looks IS 'How many looks found it out of tolerance';

CREATE UNIQUE INDEX rtp_alert_open_key
ON rtp_alert (operator_id, game_id, stake_band, window_name, direction)
WHERE acknowledged_at IS NULL;
CREATE INDEX rtp_alert_last_idx
ON rtp_alert (operator_id, game_id, stake_band, window_name, direction, alert_id DESC);
CREATE INDEX rtp_alert_list_idx ON rtp_alert (operator_id, alert_id DESC);

CREATE TRIGGER rtp_alert_keep BEFORE DELETE OR TRUNCATE ON rtp_alert
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every window is looked at once for each of its fixed ends, however many processes there are and
-- however often they start: a look more is a chance more for a false alarm.
CREATE TABLE rtp_look (
    window_name text PRIMARY KEY,
    judged_to timestamptz NOT NULL
);

GRANT SELECT, INSERT ON rtp_alert TO pitboss_batch;
GRANT UPDATE (evidence, evidence_to, looks) ON rtp_alert TO pitboss_batch;
GRANT SELECT, INSERT, UPDATE ON rtp_look TO pitboss_batch;
GRANT SELECT ON rtp_alert TO pitboss_app;
GRANT UPDATE (acknowledged_at, acknowledged_by, note) ON rtp_alert TO pitboss_app;

ALTER TABLE rtp_alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE rtp_alert FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rtp_alert TO pitboss_app USING (operator_id = current_operator())
WITH CHECK (operator_id = current_operator());
CREATE POLICY every_tenant ON rtp_alert TO pitboss_auth, pitboss_batch, current_user
USING (true) WITH CHECK (true);
