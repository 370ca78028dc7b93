"""Reconciliation of the warehouse as jobs: the last hours often, everything at night."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from prometheus_client import Gauge

from warehouse.reconcile import Difference, reconcile_warehouse
from warehouse.time_ranges import EPOCH, HOUR

RECENT = timedelta(hours=3)
SHOWN_DIFFERENCES = 100
RELAY_PATIENCE_SECONDS = 5.0
"""A relay that is so far behind is a difference of its own."""

DIFFERENCES = Gauge(
    "pitboss_reconciliation_differences", "Differences that the last run found", ["scope"]
)
LAST_RUN = Gauge(
    "pitboss_reconciliation_last_run_timestamp_seconds", "When the last run ended", ["scope"]
)
SECONDS = Gauge("pitboss_reconciliation_seconds", "How long the last run took", ["scope"])


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found from ``since`` on; ``first`` are the first hundred differences."""

    since: datetime
    seconds: float
    differences: int
    first: list[Difference]

    @property
    def facts(self) -> dict[str, Any]:
        """As a job tells it."""
        return msgspec.to_builtins(self)


async def reconcile(postgres_url: str, clickhouse_url: str, scope: str) -> Reconciled:
    """Compare the ledger, the raw tables and every rollup: of the last full hours if ``scope`` is
    ``recent``, and else everything. Raises the drivers' errors when a store is away."""
    since = HOUR.floor(datetime.now(UTC) - RECENT) if scope == "recent" else EPOCH
    began = time.monotonic()
    found = await reconcile_warehouse(postgres_url, clickhouse_url, since, RELAY_PATIENCE_SECONDS)
    seconds = round(time.monotonic() - began, 3)
    DIFFERENCES.labels(scope).set(len(found))
    LAST_RUN.labels(scope).set_to_current_time()
    SECONDS.labels(scope).set(seconds)
    return Reconciled(
        since=since, seconds=seconds, differences=len(found), first=found[:SHOWN_DIFFERENCES]
    )
