-- Players as they are; a version that the stream brings as well is the same row.
SELECT row_to_json(told)::text AS payload
FROM (
    SELECT
        operator_id,
        user_id,
        username,
        status,
        is_bot::int AS is_bot,
        vip_level,
        coalesce(affiliate_id, 0) AS affiliate_id,
        created_at AS registered_at,
        version
    FROM "user"
) AS told
