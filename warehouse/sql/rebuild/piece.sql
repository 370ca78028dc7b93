-- The rows of a piece.
SELECT *
FROM $rows
WHERE
    operator_id = {operator_id:UInt16}
    AND created_at >= {first:DateTime64(6, 'UTC')} AND created_at < {last:DateTime64(6, 'UTC')}
    AND $clock >= {since:DateTime64(6, 'UTC')} AND $clock < {until:DateTime64(6, 'UTC')}
