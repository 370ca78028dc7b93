SELECT outbox_create_partition($1)
