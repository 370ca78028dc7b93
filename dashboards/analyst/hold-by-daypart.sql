-- Hold by game and daypart: when of the day does which game keep how much?
--
-- Reading: hold = GGR / wagers; margin is what the games' declared RTP lets expect of the same
-- wagers. Night is from 0 to 6, morning to 12, afternoon to 18, evening to 24 o'clock.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: bets from
--   to_time = now: bets before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: hours are those of the operator's own clock, summer time included, so this reads raw
-- bets: the hourly rollup is cut in UTC. Few bets make any hold; look at the count.
SELECT
    b.game_id AS game_id,
    any(games.name) AS game_name,
    transform(
        intDiv(toHour(toTimeZone(b.created_at, (
            SELECT any(time_zone) FROM tenant_operator(operator_id = {operator_id:UInt16})
        ))), 6),
        [0, 1, 2, 3], ['1 night', '2 morning', '3 afternoon', '4 evening'], ''
    ) AS daypart,
    sum(b.sign) AS bets,
    sum(b.wager) AS wagered,
    sum(b.ggr) AS ggr,
    round(ggr / nullIf(wagered, 0), 6) AS hold,
    round(sum(b.theoretical_ggr_e4) / 10000 / nullIf(wagered, 0), 6) AS margin
FROM tenant_bets(operator_id = {operator_id:UInt16}) AS b
LEFT JOIN current_games AS games ON games.game_id = b.game_id
WHERE
    b.created_at >= {from_time:DateTime64(6, 'UTC')}
    AND b.created_at < {to_time:DateTime64(6, 'UTC')}
    AND b.bet_type != 'FREE_SPIN'
    AND ({include_bots:UInt8} = 1 OR b.is_bot = 0)
GROUP BY game_id, daypart
HAVING bets != 0
ORDER BY game_id, daypart
