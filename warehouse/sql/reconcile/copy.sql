-- Where $copy and $source do not hold the same rows: counts and sums of row hashes by day.
SELECT
    operator_id,
    toString(day) AS at,
    at AS key,
    sum(d.rows) AS rows,
    sum(d.hashes) AS hashes
FROM (
    SELECT
        operator_id,
        toDate(created_at) AS day,
        toInt128(count()) AS rows,
        sum(toInt128(cityHash64(*))) AS hashes
    FROM $copy
    WHERE created_at >= {since:DateTime64(6, 'UTC')}
    GROUP BY operator_id, day
    UNION ALL
    SELECT
        operator_id,
        toDate(created_at) AS day,
        -toInt128(count()) AS rows,
        -sum(toInt128(cityHash64(*))) AS hashes
    FROM $source
    WHERE created_at >= {since:DateTime64(6, 'UTC')}
    GROUP BY operator_id, day
) AS d
GROUP BY operator_id, at, key
HAVING (rows, hashes) != (0, 0)
LIMIT 100
