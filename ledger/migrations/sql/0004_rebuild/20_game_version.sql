-- What a bet's event says of its game: each version of it, and on the bet which one decided it.

CREATE TABLE game_version (
    game_id int NOT NULL REFERENCES game,
    version int NOT NULL,
    category_id smallint NOT NULL,
    provider text NOT NULL,
    rtp_bps int NOT NULL,
    PRIMARY KEY (game_id, version)
);
COMMENT ON TABLE game_version IS 'Games as bets met them, from the version on that the table found';
INSERT INTO game_version SELECT game_id, version, category_id, provider, rtp_bps FROM game;

CREATE FUNCTION keep_game_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO game_version
    VALUES (NEW.game_id, NEW.version, NEW.category_id, NEW.provider, NEW.rtp_bps);
    RETURN NULL;
END $$;
CREATE TRIGGER game_keep AFTER INSERT OR UPDATE ON game
FOR EACH ROW EXECUTE FUNCTION keep_game_version();
CREATE TRIGGER game_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON game_version
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE bet_log ADD COLUMN game_version int;
COMMENT ON COLUMN bet_log.game_version
IS 'The version of the game that decided the bet; NULL before these were kept: the first one known';

-- A rollback says of the game what its bet said.
GRANT SELECT ON game_version TO pitboss_batch;
