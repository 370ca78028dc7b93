"""The embedded PostgreSQL's configuration."""

from __future__ import annotations

from collections.abc import Mapping

# For short transactions by many clients on a machine shared with everything else. What is not named
# keeps PostgreSQL's default.
DURABLE: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "huge_pages": "try",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than it saves on short queries
    # A bet that was answered is on disk. Nothing here may trade that for speed.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_buffers": "16MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",  # checkpoints by time, not in the middle of a burst
    "checkpoint_timeout": "10min",
    "checkpoint_completion_target": "0.9",
    # Append-heavy tables: visibility map and statistics follow the inserts closely.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# For throw-away clusters of tests only: a crash of the machine loses them.
THROW_AWAY: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "min_wal_size": "80MB",
    "autovacuum_naptime": "1min",
}


def render(settings: Mapping[str, str]) -> str:
    """The text of a configuration file with these settings."""
    lines = ["# Written at every start of the stack; put your own settings in postgresql.conf."]
    for name, value in settings.items():
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{quoted}'")
    return "\n".join(lines) + "\n"
