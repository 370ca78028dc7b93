"""`pitboss reconcile`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import asyncpg
import msgspec
import rich_click as click
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from api.commands.options import data_dir_option, json_option, running_stack
from api.settings import Settings
from api.stack.errors import StackError
from api.stack.parts import settings_of
from ledger.reconcile import Difference as LedgerDifference
from ledger.reconcile import reconcile_ledger
from warehouse.reconcile import Difference as WarehouseDifference
from warehouse.reconcile import reconcile_warehouse
from warehouse.time_ranges import EPOCH, HOUR

Differences = list[LedgerDifference | WarehouseDifference]


@click.command()
@data_dir_option
@json_option
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    help="UTC; compare the warehouse from this hour on. Default: everything.",
)
def command(data_dir: str, as_json: bool, since: datetime | None) -> None:
    """Check the books of the running stack against each other, whatever goes on meanwhile.

    Wallets against postings, every journal against itself, Postgres against the warehouse's raw
    tables, and those against every rollup. Exit status 1 if anything differs, by as little as one
    minor unit.
    """
    target = running_stack(data_dir)
    start = HOUR.floor(since.replace(tzinfo=UTC)) if since else EPOCH
    try:
        differences = asyncio.run(_reconcile(settings_of(target.credentials, target.ports), start))
    except (OSError, TimeoutError, asyncpg.PostgresError, ClickHouseError) as error:
        raise StackError(f"the stores do not answer: {error}") from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(differences), indent=2).decode())
    elif differences:
        Console().print(_table(differences))
    else:
        click.echo("the books agree")
    sys.exit(1 if differences else 0)


async def _reconcile(settings: Settings, since: datetime) -> Differences:
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        differences: Differences = [*await reconcile_ledger(connection)]
    finally:
        await connection.close()
    return differences + await reconcile_warehouse(
        settings.postgres_url, settings.clickhouse_url, since
    )


def _table(differences: Differences) -> Table:
    table = Table("check", "operator", "hour", "key", title="differences", title_justify="left")
    table.add_column("minor units", justify="right")
    for one in differences:
        hour = one.hour if isinstance(one, WarehouseDifference) else ""
        table.add_row(one.check, str(one.operator_id), hour, one.key, str(one.difference))
    return table
