-- The catalogue as one operator's players see it, as the tenant role inside a tenant transaction.

-- name: list_games
SELECT
    game.game_id,
    game.slug,
    game.name,
    game.provider,
    category.slug AS category,
    game.category_id,
    game.rtp_bps,
    game.sigma_e6,
    game.volatility,
    greatest(game.min_wager, coalesce(offer.min_wager, game.min_wager)) AS min_wager,
    least(game.max_wager, coalesce(offer.max_wager, game.max_wager)) AS max_wager,
    game.wager_step,
    game.paytable,
    game.bonus_eligible,
    game.jackpot_eligible,
    game.active
FROM game
INNER JOIN game_category AS category USING (category_id)
LEFT JOIN operator_game AS offer
    ON offer.operator_id = $1::smallint AND game.game_id = offer.game_id
WHERE
    game.active
    AND coalesce(offer.enabled, true)
    AND ($2::int IS NULL OR game.game_id = $2)
    AND ($3::text IS NULL OR category.slug = $3)
    AND ($4::text IS NULL OR lower(game.provider) = lower($4))
    AND (
        $5::text IS NULL
        OR strpos(lower(game.name), lower($5)) > 0 OR strpos(game.slug, lower($5)) > 0
    )
    AND ($6::text IS NULL OR (game.name, game.game_id) > ($6, $7::int))
ORDER BY game.name, game.game_id
LIMIT $8;
