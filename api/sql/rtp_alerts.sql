-- name: catalogue
-- Every game with what its paytable says of its returns; alerts and cells name them by number.
SELECT
    g.game_id, g.name, g.provider, c.slug AS category, g.sigma_e6, g.paytable::text AS paytable
FROM game AS g
INNER JOIN game_category AS c ON g.category_id = c.category_id
ORDER BY g.game_id;

-- name: operators
SELECT operator_id FROM operator ORDER BY operator_id;

-- name: judged_to
SELECT window_name, judged_to FROM rtp_look;

-- name: record_look
INSERT INTO rtp_look (window_name, judged_to) VALUES ($1, $2)
ON CONFLICT (window_name) DO UPDATE SET judged_to = excluded.judged_to;

-- name: last_alert
SELECT alert_id, evidence_to, acknowledged_at IS NULL AS is_open
FROM rtp_alert
WHERE
    operator_id = $1 AND game_id = $2 AND stake_band = $3 AND window_name = $4 AND direction = $5
ORDER BY alert_id DESC
LIMIT 1;

-- name: raise_alert
INSERT INTO rtp_alert (
    operator_id, game_id, stake_band, window_name, direction, raised_on, evidence, evidence_to
) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $6::jsonb, $7)
RETURNING alert_id;

-- name: renew_alert
-- A look that is repeated after a failure counts once.
UPDATE rtp_alert SET evidence = $2::jsonb, evidence_to = $3, looks = looks + 1
WHERE alert_id = $1 AND acknowledged_at IS NULL AND evidence_to < $3;

-- name: count_open
SELECT count(*) FROM rtp_alert WHERE acknowledged_at IS NULL;

-- name: alerts
-- An operator's alerts, newest first; $3 is whether open ones, acknowledged ones or both are shown.
SELECT
    a.alert_id, a.game_id, g.name AS game_name, a.stake_band, a.window_name, a.direction,
    a.raised_at, a.raised_on::text AS raised_on, a.evidence::text AS evidence, a.looks,
    a.acknowledged_at, a.acknowledged_by, a.note
FROM rtp_alert AS a
INNER JOIN game AS g ON a.game_id = g.game_id
WHERE
    a.operator_id = $1
    AND ($2::bigint IS NULL OR a.alert_id = $2)
    AND ($3::boolean IS NULL OR (a.acknowledged_at IS NULL) = $3)
    AND ($4::bigint IS NULL OR a.alert_id < $4)
    AND ($5::int IS NULL OR a.game_id = $5)
ORDER BY a.alert_id DESC
LIMIT $6;

-- name: acknowledge
UPDATE rtp_alert SET acknowledged_at = now(), acknowledged_by = $3, note = $4
WHERE operator_id = $1 AND alert_id = $2 AND acknowledged_at IS NULL
RETURNING alert_id;
