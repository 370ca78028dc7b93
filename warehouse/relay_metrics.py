"""What the relay tells Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

LAG_SECONDS = Histogram(
    "pitboss_relay_lag_seconds",
    "From the start of a row's transaction until it is in every rollup; the oldest row of a batch",
    buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
BATCH_ROWS = Histogram(
    "pitboss_relay_batch_rows",
    "Rows of a batch",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000),
)
ROWS = Counter("pitboss_relay_rows_total", "Rows sent to ClickHouse", ["topic"])
BATCHES = Counter("pitboss_relay_batches_total", "Batches sent and marked")
FAILURES = Counter(
    "pitboss_relay_failures_total", "Steps that failed and are tried again", ["error"]
)
PAUSES = Counter("pitboss_relay_pauses_total", "Looks given up because somebody held the batches")
WATERMARK_SECONDS = Gauge(
    "pitboss_relay_watermark_timestamp_seconds",
    "Everything committed before it is in ClickHouse; now minus this is the lag to alert on",
)
LEADER = Gauge("pitboss_relay_leader", "1 while this process streams, 0 while it stands by")
