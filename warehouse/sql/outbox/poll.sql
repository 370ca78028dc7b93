-- What a look at the outbox finds: this statement's snapshot, whether rows were committed between
-- the last batch's snapshot ($1 its xmax, $2 its transactions in progress) and this one, and a
-- moment before which everything committed is in this snapshot.
-- That moment is now(), the start of this statement's own transaction: it is taken before the
-- snapshot. statement_timestamp() is not: the extended protocol takes the snapshot on Bind and
-- sets that clock again on Execute, after it.
-- Transactions still in progress are left out of the second probe, so that one which has written
-- a million rows and stays open is not walked through at every look.
SELECT
    pg_current_snapshot()::text AS snapshot,
    now() AS as_of,
    EXISTS (
        SELECT FROM outbox
        WHERE xid >= $1::xid8 AND xid < pg_snapshot_xmax(pg_current_snapshot())
    ) OR EXISTS (
        SELECT FROM outbox
        WHERE xid = ANY(ARRAY(
            SELECT straggler FROM unnest($2::xid8 []) AS straggler
            WHERE pg_visible_in_snapshot(straggler, pg_current_snapshot())
        ))
    ) AS has_rows
