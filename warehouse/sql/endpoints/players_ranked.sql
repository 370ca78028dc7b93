-- One page of a ranking of the players who played; direction -1 puts the largest first. Ranked by
-- RTP, in millionths rounded towards zero, are those who wagered.
SELECT
    player_id,
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
        sum(f.wager) AS wager,
        sum(f.win) AS win
    FROM ($pieces) AS f
    WHERE
        {player_id:UUID} = toUUID('00000000-0000-0000-0000-000000000000')
        OR user_id = {player_id:UUID}
    GROUP BY player_id
    HAVING bets != 0 OR free_spins != 0
)
WHERE
    ({sort:String} != 'rtp' OR wager != 0)
    AND (
        {has_cursor:UInt8} = 0
        OR (sort_key, player_id) > ({cursor_key:Int64}, {cursor_id:UUID})
    )
ORDER BY sort_key, player_id
LIMIT {limit:UInt32}
