-- Games week over week: which games earn more, and which less, than in the period before?
--
-- Reading: the period [from, to) beside the one of the same length just before it; change is of
-- GGR in minor units, largest loss first.
-- Parameters:
--   operator_id: the operator
--   from_time = -7 days: the period's start
--   to_time = -0 days: the period's end
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: whole UTC hours. GGR of one week is mostly luck where a game has few bets; expected is
-- what its declared RTP lets expect of the period's wagers.
WITH sums AS (
    SELECT
        game_id,
        sumIf(hourly.bets, hour >= {from_time:DateTime64(6, 'UTC')}) AS bets,
        sumIf(wager, hour >= {from_time:DateTime64(6, 'UTC')}) AS wagered,
        sumIf(wager - win, hour >= {from_time:DateTime64(6, 'UTC')}) AS ggr,
        sumIf(theoretical_ggr_e4, hour >= {from_time:DateTime64(6, 'UTC')}) AS expected_e4,
        sumIf(wager, hour < {from_time:DateTime64(6, 'UTC')}) AS wagered_before,
        sumIf(wager - win, hour < {from_time:DateTime64(6, 'UTC')}) AS ggr_before
    FROM tenant_game_hourly(operator_id = {operator_id:UInt16}) AS hourly
    WHERE
        hour >= {from_time:DateTime64(6, 'UTC')} - toIntervalSecond(
            dateDiff('second', {from_time:DateTime64(6, 'UTC')}, {to_time:DateTime64(6, 'UTC')})
        )
        AND hour < {to_time:DateTime64(6, 'UTC')}
        AND bet_type != 'FREE_SPIN'
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY game_id
)

SELECT
    sums.game_id AS game_id,
    games.name AS game_name,
    games.category AS category,
    sums.bets AS bets,
    sums.wagered AS wagered,
    sums.wagered_before AS wagered_before,
    sums.ggr AS ggr,
    sums.ggr_before AS ggr_before,
    sums.ggr - sums.ggr_before AS change,
    round(sums.expected_e4 / 10000, 2) AS expected
FROM sums
LEFT JOIN current_games AS games ON games.game_id = sums.game_id
ORDER BY change, game_id
