-- Where the rollup $rollup and the rows it sums disagree, by its key: rollup minus rows. What its
-- view makes of the raw rows now is compared with what it made of them as they came.
SELECT
    operator_id,
    toString($time) AS at,
    arrayStringConcat([$labels], ' ') AS key,
    COLUMNS('.') EXCEPT ($keys) APPLY(sum)
FROM (
    SELECT $keys, COLUMNS('.') EXCEPT ($keys)
    FROM $rollup
    WHERE $time >= $since $of_grain
    UNION ALL
    SELECT $keys, COLUMNS('.') EXCEPT ($keys) APPLY(x -> -toInt128(x))
    FROM ($select)
) AS difference
GROUP BY $keys
HAVING arrayExists(total -> total != 0, [COLUMNS('.') EXCEPT ($keys) APPLY(sum)])
LIMIT 100
