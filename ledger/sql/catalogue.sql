-- name: catalogue_version
SELECT version FROM catalogue_version;

-- name: operators
SELECT operator_id, currency, active, bonus_policy, bonus_policy_version FROM operator;

-- name: offered_games
-- Every game of every operator; the operator's limits tighten the game's and never widen them.
SELECT
    operator.operator_id,
    game.game_id,
    game.category_id,
    game.provider,
    game.paytable,
    game.rtp_bps,
    game.wager_step,
    greatest(game.min_wager, operator_game.min_wager) AS min_wager,
    least(game.max_wager, operator_game.max_wager) AS max_wager,
    game_category.bonus_contribution_bps,
    game.active AND coalesce(operator_game.enabled, true) AS offered
FROM operator
CROSS JOIN game
INNER JOIN game_category ON game.category_id = game_category.category_id
LEFT JOIN operator_game
    ON operator.operator_id = operator_game.operator_id AND game.game_id = operator_game.game_id;
