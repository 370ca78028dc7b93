"""`pitboss warehouse`: tables of the warehouse made for the first time, or again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import msgspec
import redis.asyncio
import redis.exceptions
import rich_click as click
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.commands.options import data_dir_option, json_option, running_stack
from api.settings import Settings
from api.stack.errors import StackError
from api.stack.parts import settings_of
from warehouse import watermark
from warehouse.rebuild import RebuildFailed, Rebuilt, rebuild
from warehouse.recipes import RECIPES, WHOLE, Recipe
from warehouse.time_ranges import EPOCH, LAST, TimeRange

DERIVED = [name for name, recipe in RECIPES.items() if recipe.has_view]
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def command() -> None:
    """Make tables of the running stack's warehouse again while rows stream in.

    Readers see the old table until the new one, compared with what it must equal, takes its
    place. What was interrupted is run again. See docs/warehouse-operations.md.
    """


@command.command()
@click.argument("rollup", type=click.Choice(DERIVED), metavar="ROLLUP")
@data_dir_option
@json_option
def backfill(rollup: str, data_dir: str, as_json: bool) -> None:
    """Fill a new ROLLUP, or a copy of a raw table, with what came before it."""
    _run([RECIPES[rollup]], WHOLE, data_dir, as_json)


@command.command("rebuild")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE…")
@click.option("--from", "since", type=MOMENTS, help="UTC; only the grains that the range touches.")
@click.option("--to", "until", type=MOMENTS, help="UTC; the range's end, not part of it.")
@data_dir_option
@json_option
def rebuild_command(
    tables: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    data_dir: str,
    as_json: bool,
) -> None:
    """Make each TABLE again, whole or a range of it; `all` is every one.

    Rollups are made from the raw tables, these and the dimensions from the ledger.
    A range leaves dimensions out.
    """
    part = _range(since, until)
    recipes = _chosen(tables)
    if part != WHOLE:
        recipes = [recipe for recipe in recipes if recipe.grain is not None]
    _run(recipes, part, data_dir, as_json)


def _chosen(names: tuple[str, ...]) -> list[Recipe]:
    """The tables' recipes, in the order in which they can be made."""
    unknown = sorted(set(names) - {*RECIPES, "all"})
    if unknown:
        raise click.BadParameter(f"{unknown[0]} is none of {', '.join(RECIPES)}, all")
    return [recipe for name, recipe in RECIPES.items() if name in names or "all" in names]


def _range(since: datetime | None, until: datetime | None) -> TimeRange:
    if since is None and until is None:
        return WHOLE
    start = since.replace(tzinfo=UTC) if since else EPOCH
    end = until.replace(tzinfo=UTC) if until else LAST
    if start >= end:
        raise click.BadParameter("--from must be before --to")
    return TimeRange(start, end)


def _run(recipes: list[Recipe], part: TimeRange, data_dir: str, as_json: bool) -> None:
    target = running_stack(data_dir)
    settings = settings_of(target.credentials, target.ports)
    try:
        made = asyncio.run(_rebuild(settings, recipes, part))
    except RebuildFailed as error:
        raise StackError(str(error)) from None
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        ClickHouseError,
        redis.exceptions.RedisError,
    ) as error:
        raise StackError(
            f"interrupted, and the table before stands; run it again: {error!r}"
        ) from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
        return
    for one in made:
        held = ", ".join(f"{seconds:.3f}" for seconds in one.held_seconds)
        click.echo(
            f"{one.table}: {one.rows} rows in {one.seconds:.1f} s; the relay was held {held} s"
        )


async def _rebuild(settings: Settings, recipes: list[Recipe], part: TimeRange) -> list[Rebuilt]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    made: list[Rebuilt] = []
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        for recipe in recipes:
            bar = bars.add_task(recipe.name, total=None)

            def tell(done: int, of: int, bar: object = bar) -> None:
                bars.update(bar, completed=done, total=of or None)  # pyright: ignore[reportArgumentType]

            made.append(
                await rebuild(
                    settings.postgres_url, settings.clickhouse_url, recipe, part, progress=tell
                )
            )
            # Answers that the API has kept are of the table before.
            async with redis.asyncio.Redis.from_url(settings.redis_url) as client:
                await watermark.tell_rebuilt(client)
    return made
