-- What the warehouse was told and could not be told again from other tables: events with ids of
-- their own, and rollbacks with what they could really take back. The outbox forgets them after
-- days; here they are kept, so that the warehouse can be rebuilt from the ledger row by row.

CREATE TABLE money_event (
    operator_id smallint NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    topic text NOT NULL,
    created_at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (operator_id, xid, seq)
);
COMMENT ON TABLE money_event IS 'Outbox rows of transactions and of rolled-back bets, for good';
COMMENT ON COLUMN money_event.created_at
IS 'As in the payload: when the transaction began, or the bet that was rolled back was made';
CREATE INDEX money_event_created_brin ON money_event USING brin (created_at)
WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION keep_money_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO money_event (operator_id, xid, seq, topic, created_at, payload) VALUES (
        (NEW.payload -> 'operator_id')::smallint, NEW.xid, NEW.seq, NEW.topic,
        (NEW.payload ->> 'created_at')::timestamptz, NEW.payload
    );
    RETURN NULL;
END $$;
-- The condition is checked for every bet, and nothing more is done for those that stand.
CREATE TRIGGER outbox_keep AFTER INSERT ON outbox
FOR EACH ROW
WHEN (new.topic = 'transactions' OR (new.topic = 'bets' AND new.payload -> 'sign' = '-1'))
EXECUTE FUNCTION keep_money_event();

INSERT INTO money_event (operator_id, xid, seq, topic, created_at, payload)
SELECT
    (payload -> 'operator_id')::smallint, xid, seq, topic, (payload ->> 'created_at')::timestamptz,
    payload
FROM outbox
WHERE topic = 'transactions' OR (topic = 'bets' AND payload -> 'sign' = '-1');

CREATE TRIGGER money_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON money_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE money_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE money_event FORCE ROW LEVEL SECURITY;
CREATE POLICY every_tenant ON money_event TO current_user USING (true) WITH CHECK (true);
