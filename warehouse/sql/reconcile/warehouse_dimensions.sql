SELECT operator_id, 'players' AS dimension, toInt64(sum(version)) AS versions
FROM players FINAL
GROUP BY operator_id
UNION ALL
SELECT 0 AS operator_id, 'games' AS dimension, toInt64(sum(version)) AS versions
FROM games FINAL
HAVING versions != 0
UNION ALL
SELECT operator_id, 'operators' AS dimension, toInt64(version) AS versions
FROM operators FINAL
