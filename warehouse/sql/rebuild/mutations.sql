-- What is still being changed in a table's parts, and why it cannot be, if it cannot.
SELECT latest_fail_reason
FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done
