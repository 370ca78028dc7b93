UPDATE relay_batch SET sent_at = clock_timestamp() WHERE batch_no = $1 AND sent_at IS NULL
