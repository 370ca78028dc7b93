-- name: list_offers
SELECT
    game.game_id,
    game.slug,
    game.name,
    game.provider,
    game_category.slug AS category,
    game.active,
    coalesce(operator_game.enabled, true) AS enabled,
    operator_game.min_wager,
    operator_game.max_wager,
    game.min_wager AS game_min_wager,
    game.max_wager AS game_max_wager,
    game.wager_step
FROM game
INNER JOIN game_category ON game.category_id = game_category.category_id
LEFT JOIN operator_game
    ON game.game_id = operator_game.game_id AND operator_game.operator_id = $1
ORDER BY game.game_id;

-- name: find_game
SELECT min_wager, max_wager, wager_step FROM game WHERE game_id = $1;

-- name: put_offer
INSERT INTO operator_game (operator_id, game_id, enabled, min_wager, max_wager)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (operator_id, game_id) DO UPDATE SET
    enabled = excluded.enabled,
    min_wager = excluded.min_wager,
    max_wager = excluded.max_wager,
    updated_at = now();
