SELECT name, value FROM system.settings
