-- Games as they are.
SELECT row_to_json(told)::text AS payload
FROM (
    SELECT
        g.game_id,
        g.category_id,
        c.slug AS category,
        g.slug,
        g.name,
        g.provider,
        g.rtp_bps,
        g.sigma_e6,
        g.volatility,
        g.active::int AS active,
        g.version
    FROM game AS g
    INNER JOIN game_category AS c ON g.category_id = c.category_id
) AS told
