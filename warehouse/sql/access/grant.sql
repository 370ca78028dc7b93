GRANT$on_cluster SHOW COLUMNS, SELECT ON $database.$table TO $role;
