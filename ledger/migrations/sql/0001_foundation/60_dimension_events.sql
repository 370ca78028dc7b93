-- Dimensions reach the warehouse by the same stream as bets. Triggers write these events, so no
-- path that changes a player, game or operator can forget to. `version` orders them.

CREATE FUNCTION bump_row_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER user_version
BEFORE UPDATE OF username, email, status, is_bot, vip_level, affiliate_id ON "user"
FOR EACH ROW
WHEN (
    (old.username, old.email, old.status, old.is_bot, old.vip_level, old.affiliate_id)
    IS DISTINCT FROM
    (new.username, new.email, new.status, new.is_bot, new.vip_level, new.affiliate_id)
)
EXECUTE FUNCTION bump_row_version();
CREATE TRIGGER game_version BEFORE UPDATE ON game
FOR EACH ROW EXECUTE FUNCTION bump_row_version();
CREATE TRIGGER operator_version BEFORE UPDATE ON operator
FOR EACH ROW EXECUTE FUNCTION bump_row_version();

CREATE FUNCTION emit_player() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (topic, key, payload) VALUES ('players', NEW.user_id::text, jsonb_build_object(
        'operator_id', NEW.operator_id,
        'user_id', NEW.user_id,
        'username', NEW.username,
        'status', NEW.status,
        'is_bot', NEW.is_bot::int,
        'vip_level', NEW.vip_level,
        'affiliate_id', coalesce(NEW.affiliate_id, 0),
        'registered_at', NEW.created_at AT TIME ZONE 'UTC',
        'version', NEW.version
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER user_registered AFTER INSERT ON "user"
FOR EACH ROW EXECUTE FUNCTION emit_player();
CREATE TRIGGER user_changed AFTER UPDATE ON "user"
FOR EACH ROW WHEN (old.version <> new.version) EXECUTE FUNCTION emit_player();

CREATE FUNCTION emit_game() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (topic, key, payload)
    SELECT 'games', NEW.game_id::text, jsonb_build_object(
        'game_id', NEW.game_id,
        'category_id', NEW.category_id,
        'category', game_category.slug,
        'slug', NEW.slug,
        'name', NEW.name,
        'provider', NEW.provider,
        'rtp_bps', NEW.rtp_bps,
        'sigma_e6', NEW.sigma_e6,
        'volatility', NEW.volatility,
        'active', NEW.active::int,
        'version', NEW.version
    )
    FROM game_category WHERE game_category.category_id = NEW.category_id;
    RETURN NULL;
END $$;
CREATE TRIGGER game_changed AFTER INSERT OR UPDATE ON game
FOR EACH ROW EXECUTE FUNCTION emit_game();

CREATE FUNCTION emit_operator() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (topic, key, payload)
    VALUES ('operators', NEW.operator_id::text, jsonb_build_object(
        'operator_id', NEW.operator_id,
        'slug', NEW.slug,
        'name', NEW.name,
        'currency', NEW.currency,
        'time_zone', NEW.time_zone,
        'active', NEW.active::int,
        'version', NEW.version
    ));
    RETURN NULL;
END $$;
CREATE TRIGGER operator_changed AFTER INSERT OR UPDATE ON operator
FOR EACH ROW EXECUTE FUNCTION emit_operator();
