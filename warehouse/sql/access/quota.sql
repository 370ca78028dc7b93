-- Each of an operator's users has a quota of their own.
CREATE QUOTA OR REPLACE $role$on_cluster KEYED BY user_name
FOR INTERVAL 1 HOUR MAX queries = 5000, errors = 1000, execution_time = 1800
TO $role;
