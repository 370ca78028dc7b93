-- RTP drift: how far has each game's return been from its declared one, week by week?
--
-- Reading: z counts standard errors, z = (RTP - declared) x sum of stakes / (sigma x root of the
-- sum of squared stakes). Beyond 3 in either direction is worth a look; n_eff is how many equal
-- stakes the bets are worth, and below a few hundred of them z means little.
-- Parameters:
--   operator_id: the operator
--   from_time = -56 days: weeks from
--   to_time = now: weeks before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: whole hours of ISO weeks in UTC; sigma and declared RTP are the game's present ones.
-- Many games over many weeks give some large z by chance alone: the RTP monitor corrects for that.
SELECT
    hourly.game_id AS game_id,
    any(games.name) AS game_name,
    toMonday(hourly.hour) AS week,
    sum(hourly.bets) AS bets,
    sum(hourly.wager) AS wagered,
    round(sum(hourly.win) / wagered, 6) AS rtp,
    any(games.rtp_bps) / 10000 AS declared_rtp,
    round(
        (sum(hourly.win) / wagered - declared_rtp) * wagered
        / (any(games.sigma_e6) / 1e6 * sqrt(toFloat64(sum(hourly.wager_squared)))),
        3
    ) AS z,
    round(toFloat64(wagered) * wagered / toFloat64(sum(hourly.wager_squared)), 1) AS n_eff
FROM tenant_game_hourly(operator_id = {operator_id:UInt16}) AS hourly
INNER JOIN current_games AS games ON games.game_id = hourly.game_id
WHERE
    hourly.hour >= {from_time:DateTime64(6, 'UTC')}
    AND hourly.hour < {to_time:DateTime64(6, 'UTC')}
    AND hourly.bet_type != 'FREE_SPIN'
    AND ({include_bots:UInt8} = 1 OR hourly.is_bot = 0)
GROUP BY game_id, week
HAVING wagered > 0
ORDER BY game_id, week
