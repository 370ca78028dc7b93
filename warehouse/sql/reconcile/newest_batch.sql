SELECT max(batch_no) FROM relay_batch
