-- Bets with a wager by game and stake band in [from_time, to_time), net of rollbacks: what the RTP
-- monitor judges. Whole hours from the rollup, edges from bets. The rollup keeps no largest stake;
-- of n stakes none is more than their mean + standard deviation x sqrt(n - 1) (Samuelson, How
-- Deviant Can You Be?, Journal of the American Statistical Association 63, 1968), here by the hour.
SELECT
    game_id,
    stake_band,
    sum(h.bets) AS bets,
    sum(h.wager) AS wager,
    sum(h.wager_squared) AS wager_squared,
    toInt64(max(h.largest_stake)) AS largest_stake,
    sum(h.win) AS win,
    sum(h.theoretical_ggr_e4) AS theoretical_ggr_e4
FROM (
    SELECT
        game_id,
        stake_band,
        sum(f.bets) AS bets,
        sum(f.wager) AS wager,
        sum(f.wager_squared) AS wager_squared,
        sum(f.win) AS win,
        sum(f.theoretical_ggr_e4) AS theoretical_ggr_e4,
        wager / bets AS mean,
        toFloat64(wager_squared) / bets - mean * mean AS variance,
        multiIf(stake_band = 1, 99, stake_band = 2, 999, inf) AS band_end,
        -- An hour whose bets were all rolled back has none.
        if(
            bets > 0, least(band_end, ceil(mean + sqrt(greatest(variance, 0) * (bets - 1)))), 0
        ) AS largest_stake
    FROM (
        SELECT
            game_id,
            stake_band,
            start AS hour,
            is_bot,
            bets,
            wager,
            wager_squared,
            win,
            theoretical_ggr_e4
        FROM bet_rollups
        WHERE
            operator_id = {operator_id:UInt16}
            AND grain = 'game_hour'
            AND stake_band != 0
            AND start >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
            AND start < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
        UNION ALL
        SELECT
            game_id,
            -- The bands of the rollups; a rollback's wager is negative.
            toUInt8(multiIf(abs(wager) < 100, 1, abs(wager) < 1000, 2, 3)) AS stake_band,
            toStartOfHour(created_at) AS hour,
            is_bot,
            toInt64(sign) AS bets,
            wager,
            sign * toInt128(wager) * wager AS wager_squared,
            win,
            theoretical_ggr_e4
        FROM bets
        WHERE
            operator_id = {operator_id:UInt16}
            AND wager != 0
            AND (
                (
                    created_at >= {from_time:DateTime64(6, 'UTC')}
                    AND created_at < {whole_from:DateTime64(6, 'UTC')}
                ) OR (
                    created_at >= {whole_to:DateTime64(6, 'UTC')}
                    AND created_at < {to_time:DateTime64(6, 'UTC')}
                )
            )
    ) AS f
    WHERE
        ({include_bots:UInt8} = 1 OR is_bot = 0)
        AND ({game_id:UInt32} = 0 OR game_id = {game_id:UInt32})
    GROUP BY game_id, stake_band, hour
) AS h
GROUP BY game_id, stake_band
HAVING bets > 0
ORDER BY game_id, stake_band
