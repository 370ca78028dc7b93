-- How many rows there are of each operator and hour in the range.
SELECT operator_id, toStartOfHour(created_at) AS hour, count() AS rows
FROM $rows
WHERE $clock >= {since:DateTime64(6, 'UTC')} AND $clock < {until:DateTime64(6, 'UTC')}
GROUP BY operator_id, hour
ORDER BY operator_id, hour
