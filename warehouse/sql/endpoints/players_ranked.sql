-- One page of a ranking of the players who played in [from_time, to_time); direction -1 puts the
-- largest first. Ranked by RTP, in millionths rounded towards zero, are those who wagered.
SELECT
    figures.*,
    multiIf(
        {sort:String} = 'ggr', wager - win,
        {sort:String} = 'win', win,
        {sort:String} = 'bets', bets,
        {sort:String} = 'rtp', toInt64(intDiv(toInt128(win) * 1000000, greatest(wager, 1))),
        wager
    ) * {direction:Int8} AS sort_key
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
        AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
        AND (
            {player_id:UUID} = toUUID('00000000-0000-0000-0000-000000000000')
            OR user_id = {player_id:UUID}
        )
    GROUP BY player_id
    HAVING bets != 0 OR free_spins != 0
) AS figures
WHERE
    ({sort:String} != 'rtp' OR wager != 0)
    AND (
        {has_cursor:UInt8} = 0
        OR (sort_key, player_id) > ({cursor_key:Int64}, {cursor_id:UUID})
    )
ORDER BY sort_key, player_id
LIMIT {limit:UInt32}
