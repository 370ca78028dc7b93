SELECT pg_advisory_lock(hashtextextended('pitboss warehouse reconcile', 0))
