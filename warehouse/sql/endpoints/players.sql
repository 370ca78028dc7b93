-- Figures by player in [from_time, to_time), those who staked most first; players who played only.
-- player_ids limits them to some players when it is not empty.
SELECT
    figures.*,
    players.username AS username
FROM (
    SELECT
        user_id AS player_id,
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
    FROM tenant_player_figures(
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
        AND (empty({player_ids:Array(UUID)}) OR user_id IN {player_ids:Array(UUID)})
    GROUP BY player_id
    HAVING bets != 0 OR free_spins != 0
    ORDER BY wager DESC, player_id
    LIMIT {limit:UInt32}
) AS figures
LEFT JOIN tenant_players(operator_id = {operator_id:UInt16}) AS players
    ON players.user_id = figures.player_id
ORDER BY wager DESC, player_id
