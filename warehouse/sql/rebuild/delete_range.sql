-- Takes the range out of what the table has now; rows that come later are not touched.
ALTER TABLE $table DELETE
WHERE $time >= $start({since:DateTime64(6, 'UTC')}) AND $time < $start({until:DateTime64(6, 'UTC')})
SETTINGS mutations_sync = 0
