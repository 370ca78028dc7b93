CREATE ROW POLICY OR REPLACE $role$on_cluster ON $database.$table
FOR SELECT USING operator_id = $operator_id AS PERMISSIVE TO $role;
