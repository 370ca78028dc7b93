-- A page of a ranking of those who played some games in [from_time, to_time), with all figures,
-- from all bets in it: no rollup knows both players and games. Direction -1 puts the largest first.
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
        sumIf(f.sign, bet_type != 'FREE_SPIN') AS bets,
        sumIf(f.sign, bet_type = 'FREE_SPIN') AS free_spins,
        sumIf(f.sign, f.win != 0) AS winning_bets,
        sum(f.wager) AS wager,
        sum(f.wager_real) AS wager_real,
        sum(f.wager_bonus) AS wager_bonus,
        sum(f.win) AS win,
        sum(f.win_real) AS win_real,
        sum(f.win_bonus) AS win_bonus,
        sum(f.jackpot) AS jackpot,
        sumIf(f.sign, f.jackpot != 0) AS jackpot_hits,
        sum(f.jackpot_contribution_e4) AS jackpot_contribution_e4,
        sum(f.free_spin_stake) AS free_spin_stake,
        sum(f.free_spin_win) AS free_spin_win,
        sum(f.theoretical_ggr_e4) AS theoretical_ggr_e4
    FROM bets AS f
    WHERE
        operator_id = {operator_id:UInt16}
        AND created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
        AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
        AND has({game_ids:Array(UInt32)}, game_id)
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
