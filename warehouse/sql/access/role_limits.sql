-- Not part of CREATE ROLE: a role that exists keeps the users it was granted to.
ALTER ROLE $role$on_cluster SETTINGS PROFILE $profile;
