-- What is still being taken out of a table, and why it cannot be, if it cannot.
SELECT latest_fail_reason
FROM system.mutations
WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done
