-- Figures by game in [from_time, to_time), games that were played only. player_id and the game
-- filters are off when empty.
SELECT
    figures.*,
    games.name AS game_name,
    games.provider AS provider,
    games.category AS category,
    games.rtp_bps AS theoretical_rtp_bps
FROM (
    SELECT
        game_id,
        sum(f.bets) AS bets,
        sum(f.free_spins) AS free_spins,
        sum(f.winning_bets) AS winning_bets,
        sum(f.wager) AS wager,
        sum(f.wager_real) AS wager_real,
        sum(f.wager_bonus) AS wager_bonus,
        sum(f.win) AS win,
        sum(f.win_real) AS win_real,
        sum(f.win_bonus) AS win_bonus,
        sum(f.jackpot) AS jackpot,
        sum(f.jackpot_hits) AS jackpot_hits,
        sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
        sum(f.free_spin_stake) AS free_spin_stake,
        sum(f.free_spin_win) AS free_spin_win,
        sum(f.theoretical_ggr_e4) AS theoretical_ggr_e4
    FROM tenant_game_figures(
        operator_id = {operator_id:UInt16},
        from_time = {from_time:DateTime64(6, 'UTC')},
        fine_from = {fine_from:DateTime64(6, 'UTC')},
        coarse_from = {coarse_from:DateTime64(6, 'UTC')},
        coarse_to = {coarse_to:DateTime64(6, 'UTC')},
        fine_to = {fine_to:DateTime64(6, 'UTC')},
        to_time = {to_time:DateTime64(6, 'UTC')}
    ) AS f
    WHERE
        ({include_bots:UInt8} = 1 OR is_bot = 0)
        AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
        AND ({game_id:UInt32} = 0 OR game_id = {game_id:UInt32})
    GROUP BY game_id
    HAVING bets != 0 OR free_spins != 0
) AS figures
LEFT JOIN current_games AS games ON games.game_id = figures.game_id
WHERE
    ({category:String} = '' OR games.category = {category:String})
    AND ({provider:String} = '' OR games.provider = {provider:String})
ORDER BY wager DESC, game_id
