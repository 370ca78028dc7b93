-- Rows of a range of time, for reconciliation and rebuilding. These tables grow in the order of
-- time, so a block range index finds them and costs the writers next to nothing.
CREATE INDEX bet_log_created_brin ON bet_log USING brin (created_at)
WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX transaction_event_occurred_brin ON transaction_event USING brin (occurred_at)
WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX free_spin_grant_created_idx ON free_spin_grant (created_at);
CREATE INDEX bonus_task_converted_idx ON bonus_task (closed_at) WHERE status = 'COMPLETED';
