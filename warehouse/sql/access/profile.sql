-- Limits of every operator's analysts; readonly forbids writes, DDL and changes of settings.
CREATE SETTINGS PROFILE OR REPLACE $profile$on_cluster SETTINGS
    readonly = 1,
    allow_ddl = 0,
    allow_introspection_functions = 0,
    max_memory_usage = 2000000000,
    max_execution_time = 300,
    max_temporary_data_on_disk_size_for_query = 10000000000,
    max_concurrent_queries_for_user = 8,
    priority = 10;
