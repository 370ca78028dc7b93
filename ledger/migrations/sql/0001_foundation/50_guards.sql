-- What the database refuses whoever asks: edits of history and journals that do not balance.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on append-only table %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER bet_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bet_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transaction_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transaction_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER webhook_receipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON webhook_receipt
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outbox_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outbox
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transaction_keep BEFORE DELETE OR TRUNCATE ON transaction
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallet_keep BEFORE DELETE OR TRUNCATE ON wallet
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A journal is inserted whole by one statement; the transition table is then its every leg.
CREATE FUNCTION check_journals_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    SELECT journal_id, currency, sum(amount) AS total INTO broken
    FROM new_postings
    GROUP BY operator_id, journal_id, currency
    HAVING sum(amount) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not balance: % %',
            broken.journal_id, broken.total, broken.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_journal_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_journal_balances AFTER INSERT ON posting
REFERENCING NEW TABLE AS new_postings
FOR EACH STATEMENT EXECUTE FUNCTION check_journals_balance();

CREATE FUNCTION bump_catalogue_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE catalogue_version SET version = version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER operator_catalogue AFTER INSERT OR UPDATE OR DELETE ON operator
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();
CREATE TRIGGER game_category_catalogue AFTER INSERT OR UPDATE OR DELETE ON game_category
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();
CREATE TRIGGER game_catalogue AFTER INSERT OR UPDATE OR DELETE ON game
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();
CREATE TRIGGER operator_game_catalogue AFTER INSERT OR UPDATE OR DELETE ON operator_game
FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();
