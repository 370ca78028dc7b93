-- The outbox: what the warehouse must hear of, written in the transaction that did it.
-- Partitioned by time; whole partitions are dropped once consumed, rows are never deleted.

CREATE TABLE outbox (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (created_at);
CREATE INDEX outbox_xid_seq_idx ON outbox (xid, seq);
-- Catches rows when no day partition was prepared: bets must never stop for want of one.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- One row a relayed batch: the rows visible in `snapshot` and not in the previous row's snapshot.
-- Stored before anything is sent, never changed but for sent_at, so that a retry sends the same.
CREATE TABLE relay_batch (
    batch_no bigint PRIMARY KEY,
    stream_id uuid NOT NULL,
    snapshot pg_snapshot NOT NULL,
    as_of timestamptz NOT NULL,
    row_count bigint NOT NULL,
    chunk_rows int NOT NULL,
    chunk_bytes int NOT NULL,
    serializer_version int NOT NULL,
    planned_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
COMMENT ON COLUMN relay_batch.as_of
IS 'Everything committed before this moment is in this batch or an earlier one';
COMMENT ON COLUMN relay_batch.stream_id
IS 'Part of every deduplication token: a database made anew must not reuse the tokens of another';

CREATE FUNCTION outbox_create_partition(day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition_name text := 'outbox_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(partition_name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
            partition_name,
            (day::timestamp AT TIME ZONE 'UTC'),
            ((day + 1)::timestamp AT TIME ZONE 'UTC')
        );
    END IF;
    RETURN partition_name;
END $$;

-- Drops day partitions that end before the given day and hold no row past the given snapshot.
CREATE FUNCTION outbox_drop_consumed(before_day date, consumed pg_snapshot) RETURNS text []
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition regclass;
    unconsumed boolean;
    dropped text[] := '{}';
BEGIN
    FOR partition IN
        SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent = 'outbox'::regclass
            AND inhrelid::regclass::text ~ '^outbox_\d{8}$'
            AND to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') < before_day
    LOOP
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM %s WHERE NOT pg_visible_in_snapshot(xid, $1))', partition
        ) INTO unconsumed USING consumed;
        IF NOT unconsumed THEN
            dropped := dropped || partition::text;  -- a regclass has no name once it is gone
            EXECUTE format('DROP TABLE %s', partition);
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

SELECT outbox_create_partition(((now() AT TIME ZONE 'UTC')::date + day)) FROM generate_series(0, 2) AS day;

-- Batch 0: nothing before the outbox existed is to be relayed.
INSERT INTO relay_batch (
    batch_no, stream_id, snapshot, as_of, row_count, chunk_rows, chunk_bytes, serializer_version, sent_at
)
SELECT 0, gen_random_uuid(), pg_current_snapshot(), now(), 0, 20000, 5000000, 1, now();
