-- Takes the range out of what the table has now; rows that come later are not touched.
ALTER TABLE $table DELETE
WHERE $time >= {since:DateTime64(6, 'UTC')} AND $time < {until:DateTime64(6, 'UTC')}
SETTINGS mutations_sync = 0
