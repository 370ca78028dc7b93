"""The scheduled jobs: what each does and when. The worker runs them, an admin may run one now.

Every job may be run twice without doing anything twice, so one that was missed is simply run.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import asyncpg
import msgspec
from redis.asyncio import Redis

from api.freshness import warehouse_as_of
from api.live import tell_operators
from api.payouts import PayoutSender, resend_payouts
from api.rtp_watch import Raised, watch_rtp
from api.schemas.rtp_monitor import alert_notice
from api.sessions import delete_expired
from api.warehouse_jobs import reconcile
from ledger.affiliates import state_affiliates
from ledger.cashback import pay_cashback
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.deposits import expire_deposits
from ledger.grants import expire_benefits
from ledger.reconcile import Difference, reconcile_ledger, reconcile_pools
from ledger.snapshot import ledger_snapshot
from ledger.weeks import last_full_week
from warehouse.client import Warehouse
from warehouse.outbox_upkeep import maintain_outbox

MINUTE, HOUR = 60, 3600
SHOWN_DIFFERENCES = 20

Facts = dict[str, Any]
"""What a run has to say of itself; JSON."""


class JobFailed(Exception):
    """A job that did its work and found something wrong; ``facts`` say what."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(msgspec.json.encode(facts).decode())
        self.facts = facts


class Tools(msgspec.Struct, frozen=True):
    """What jobs work with: pools of the batch, relay and auth roles, money desk, providers, the
    stores' addresses as their owners, the warehouse's readers, Redis."""

    pools: Mapping[Role, asyncpg.Pool]
    desk: MoneyDesk
    payouts: PayoutSender
    postgres_url: str
    clickhouse_url: str
    warehouse: Warehouse
    redis: Redis


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job. It runs every ``seconds``, or at ``cron`` (UTC) and once when the worker starts.

    ``first_after`` is how long after the worker's start the first run comes, in seconds.
    """

    name: str
    description: str
    work: Callable[[Tools], Awaitable[Facts]]
    seconds: int | None = None
    cron: str | None = None
    first_after: int = 0

    @property
    def schedule(self) -> str:
        """When it runs, for people."""
        return f"every {self.seconds} s" if self.seconds else f"{self.cron} UTC"


async def _maintain_outbox(tools: Tools) -> Facts:
    return {"dropped": await maintain_outbox(tools.pools[Role.RELAY])}


async def _expire_deposits(tools: Tools) -> Facts:
    return {"expired": await expire_deposits(tools.pools[Role.BATCH], datetime.now(UTC))}


async def _delete_expired_sessions(tools: Tools) -> Facts:
    await delete_expired(tools.pools[Role.AUTH])
    return {}


async def _expire_benefits(tools: Tools) -> Facts:
    return {"expired": await expire_benefits(tools.desk, datetime.now(UTC))}


async def _resend_payouts(tools: Tools) -> Facts:
    return {"taken": await resend_payouts(tools.pools[Role.BATCH], tools.payouts)}


async def _pay_cashback(tools: Tools) -> Facts:
    week = last_full_week(datetime.now(UTC))
    run = await pay_cashback(tools.desk, week)
    return {"week": week.monday.isoformat(), "players": run.players, "amounts": run.amounts}


async def _state_affiliates(tools: Tools) -> Facts:
    week = last_full_week(datetime.now(UTC))
    made = await state_affiliates(tools.pools[Role.BATCH], week)
    return {"week": week.monday.isoformat(), "statements": made}


async def _check_pools(tools: Tools) -> Facts:
    async with ledger_snapshot(tools.pools[Role.BATCH]) as connection:
        return _judged(await reconcile_pools(connection))


async def _reconcile_ledger(tools: Tools) -> Facts:
    async with ledger_snapshot(tools.pools[Role.BATCH]) as connection:
        return _judged(await reconcile_ledger(connection))


async def _reconcile_recent(tools: Tools) -> Facts:
    return await _reconcile(tools, "recent")


async def _reconcile_all(tools: Tools) -> Facts:
    return await _reconcile(tools, "all")


async def _reconcile(tools: Tools, scope: str) -> Facts:
    """No differences, or ``JobFailed`` with the first of them by operator and hour."""
    found = await reconcile(tools.postgres_url, tools.clickhouse_url, scope)
    if found.differences:
        raise JobFailed(found.facts)
    return found.facts


async def _watch_rtp(tools: Tools) -> Facts:
    as_of = await warehouse_as_of(tools.redis, tools.pools[Role.RELAY])

    async def tell(raised: Raised) -> None:
        await tell_operators(tools.redis, [(raised.key.operator_id, alert_notice(raised))])

    done = await watch_rtp(tools.pools[Role.BATCH], tools.warehouse, as_of, tell)
    return {
        "looks": done.looks,
        "judged": done.judged,
        "out_of_tolerance": done.out_of_tolerance,
        "raised": [item.alert_id for item in done.raised],
    }


def _judged(differences: Sequence[Difference]) -> Facts:
    """No differences, or ``JobFailed`` with the first of them."""
    if differences:
        shown = [msgspec.to_builtins(item) for item in differences[:SHOWN_DIFFERENCES]]
        raise JobFailed({"differences": len(differences), "first": shown})
    return {"differences": 0}


RECONCILIATIONS: dict[Literal["recent", "all"], str] = {
    "recent": "reconcile_recent",
    "all": "reconcile_warehouse",
}
"""Jobs that compare the ledger and the warehouse, by what they compare."""

JOBS = {
    job.name: job
    for job in (
        Job(
            name="maintain_outbox",
            description="Prepares the outbox's next days and drops the consumed ones.",
            work=_maintain_outbox,
            seconds=HOUR,
        ),
        Job(
            name="expire_deposits",
            description="Ends deposits that were not paid in time.",
            work=_expire_deposits,
            seconds=30,
        ),
        Job(
            name="delete_expired_sessions",
            description="Deletes the rows of sessions whose time is over.",
            work=_delete_expired_sessions,
            seconds=HOUR,
        ),
        Job(
            name="expire_benefits",
            description="Ends bonuses and free spins whose time is over.",
            work=_expire_benefits,
            seconds=MINUTE,
        ),
        Job(
            name="resend_payouts",
            description="Sends payout instructions again that no provider has reported on.",
            work=_resend_payouts,
            seconds=10,
        ),
        Job(
            name="pay_cashback",
            description="Pays the cashback of the last full week.",
            work=_pay_cashback,
            cron="10 0 * * mon",
            first_after=5,
        ),
        Job(
            name="state_affiliates",
            description="Makes affiliates' statements up to the last full week.",
            work=_state_affiliates,
            cron="20 0 * * mon",
            first_after=10,
        ),
        Job(
            name="check_pools",
            description="Proves that jackpot pools conserve, to the last sub-unit.",
            work=_check_pools,
            seconds=10 * MINUTE,
            first_after=20,
        ),
        Job(
            name="reconcile_ledger",
            description="Proves the ledger's books against each other.",
            work=_reconcile_ledger,
            seconds=HOUR,
            first_after=30,
        ),
        Job(
            name="reconcile_recent",
            description="Proves the last hours of the warehouse against the ledger.",
            work=_reconcile_recent,
            seconds=5 * MINUTE,
            first_after=60,
        ),
        Job(
            name="reconcile_warehouse",
            description="Proves the whole warehouse against the ledger.",
            work=_reconcile_all,
            cron="40 3 * * *",
            first_after=10 * MINUTE,
        ),
        Job(
            name="watch_rtp",
            description="Judges what games pay against what they declare, and raises alerts.",
            work=_watch_rtp,
            seconds=MINUTE,
            first_after=15,
        ),
    )
}
