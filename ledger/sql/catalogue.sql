-- name: clock
SELECT clock_timestamp() AS now, version FROM catalogue_version;

-- name: catalogue_version
SELECT version FROM catalogue_version;

-- name: operators
SELECT
    operator_id, currency, active, bonus_policy_version, xp_minor_units_per_point, deposit_xp_bps,
    vip_spin_game_id
FROM operator;

-- name: vip_levels
SELECT * FROM vip_level ORDER BY level;

-- name: bonus_policies
SELECT * FROM bonus_policy;

-- name: offered_games
-- Every game of every operator; the operator's limits tighten the game's and never widen them.
SELECT
    operator.operator_id,
    game.game_id,
    game.version,
    game.category_id,
    game.provider,
    game.paytable,
    game.rtp_bps,
    game.wager_step,
    greatest(game.min_wager, operator_game.min_wager) AS min_wager,
    least(game.max_wager, operator_game.max_wager) AS max_wager,
    game_category.bonus_contribution_bps,
    game.active AND coalesce(operator_game.enabled, true) AS offered,
    game.bonus_eligible,
    game.xp_multiplier_tenths,
    feed.pool_ids,
    feed.pool_rates_bps
FROM operator
CROSS JOIN game
INNER JOIN game_category ON game.category_id = game_category.category_id
LEFT JOIN operator_game
    ON operator.operator_id = operator_game.operator_id AND game.game_id = operator_game.game_id
LEFT JOIN LATERAL (
    SELECT
        array_agg(game_jackpot.pool_id ORDER BY game_jackpot.pool_id) AS pool_ids,
        array_agg(game_jackpot.rate_bps ORDER BY game_jackpot.pool_id) AS pool_rates_bps
    FROM game_jackpot
    INNER JOIN jackpot_pool ON game_jackpot.pool_id = jackpot_pool.pool_id
    WHERE
        game_jackpot.game_id = game.game_id
        AND game.jackpot_eligible
        AND jackpot_pool.active
        AND jackpot_pool.currency = operator.currency
) AS feed ON true;
