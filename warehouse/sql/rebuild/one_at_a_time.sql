SELECT pg_try_advisory_lock(hashtextextended('pitboss warehouse rebuild', 0))
