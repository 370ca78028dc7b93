-- Operators as they are.
SELECT row_to_json(told)::text AS payload
FROM (
    SELECT
        operator_id,
        slug,
        name,
        currency,
        time_zone,
        active::int AS active,
        version
    FROM operator
) AS told
