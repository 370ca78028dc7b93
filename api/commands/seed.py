"""`pitboss seed static`, `pitboss seed bots` and `pitboss seed history`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
import httpx
import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import Progress as Bar

from api.commands.options import Target, data_dir_option, json_option, running_stack
from api.history import HistoryRefused, seed_history
from api.stack.credentials import Credentials, OperatorLogin
from api.stack.errors import StackError
from api.stack.parts import settings_of
from loadgen.client import ApiError
from loadgen.seeds import Progress, SeededOperators, seed_bots, seed_static

Result = TypeVar("Result")


@click.group()
def command() -> None:
    """Fill the running stack. Operators and bots may be seeded again; there is one history."""


@command.command()
@data_dir_option
@json_option
def static(data_dir: str, as_json: bool) -> None:
    """Operators with their admins, categories and games.

    The admins' logins are added to `credentials.json`.
    """
    target = running_stack(data_dir)
    with _progress("operators and games") as progress:
        seeded = _run(_seed_static(target, progress))
    counts = {
        "operators": len(seeded.operators),
        "created": seeded.created,
        "updated": seeded.updated,
        "unchanged": seeded.unchanged,
    }
    _tell(counts, as_json)


@command.command()
@data_dir_option
@json_option
@click.argument("number", type=click.IntRange(1, 100_000), metavar="N")
def bots(data_dir: str, as_json: bool, number: int) -> None:
    """Make sure that N bot players exist, dealt over the operators."""
    target = running_stack(data_dir)
    if not target.credentials.operators:
        raise StackError("there are no operators yet; run `pitboss seed static` first")
    with _progress("bots") as progress:
        created = _run(_seed_bots(target, number, progress))
    _tell({"bots": number, "created": created}, as_json)


@command.command()
@data_dir_option
@json_option
@click.option("--days", type=click.IntRange(1, 400), required=True, help="How far back it goes.")
@click.option(
    "--players", type=click.IntRange(4, 20_000), default=240, show_default=True,
    help="New bots, dealt over the operators.",
)  # fmt: skip
@click.option(
    "--bets-per-day", type=click.IntRange(1, 1_000_000), default=500, show_default=True,
    help="Of an average day of each operator.",
)  # fmt: skip
def history(data_dir: str, as_json: bool, days: int, players: int, bets_per_day: int) -> None:
    """Days of past play by new bots, through the same rules as live play.

    Registrations, deposits, bets, bonuses, jackpots, withdrawals, cashback and affiliates'
    statements, with the rhythm of days and weeks. It can be written once; live play may go on.
    """
    target = running_stack(data_dir)
    settings = settings_of(target.credentials, target.ports)
    with _progress("hours of the past") as progress:
        counts = _run(
            seed_history(
                settings.postgres_url,
                settings.secret_key,
                target.credentials.bots.password,
                days=days,
                players=players,
                bets_per_day=bets_per_day,
                progress=progress,
            )
        )
    _tell(counts, as_json)


async def _seed_static(target: Target, progress: Progress) -> SeededOperators:
    credentials = target.credentials
    admin = credentials.platform_admin
    seeded = await seed_static(
        credentials.base_url,
        admin.login,
        admin.password,
        msgspec.to_builtins(credentials.operators),
        progress,
    )
    operators = msgspec.convert(seeded.operators, list[OperatorLogin])

    def add(current: Credentials) -> None:
        current.operators = operators

    Credentials.update(target.directory.credentials, add)
    return seeded


async def _seed_bots(target: Target, number: int, progress: Progress) -> int:
    credentials = target.credentials
    admin = credentials.platform_admin
    return await seed_bots(
        credentials.base_url,
        admin.login,
        admin.password,
        msgspec.to_builtins(credentials.operators),
        number,
        credentials.bots.password,
        progress,
    )


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except (ApiError, HistoryRefused) as error:
        raise StackError(str(error)) from None
    except httpx.TransportError as error:
        raise StackError(f"the API does not answer: {error}") from None
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise StackError(f"Postgres does not answer: {error}") from None


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on a terminal's standard error, nothing elsewhere."""
    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tell(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(counts).decode())
    else:
        click.echo(", ".join(f"{count:,} {name}" for name, count in counts.items()))
