-- Where a table has policies, a user with none may see no row: the platform's own sees all.
CREATE ROW POLICY OR REPLACE pitboss_platform$on_cluster ON $database.$table
FOR SELECT USING 1 AS PERMISSIVE TO CURRENT_USER;
