"""`pitboss sql`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import clickhouse_connect
import msgspec
import rich_click as click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from api.commands.options import data_dir_option, json_option, running_stack
from api.stack.errors import StackError

_PROMPT = "pitboss :) "


@click.command()
@data_dir_option
@json_option
@click.argument("query", required=False)
def command(data_dir: str, as_json: bool, query: str | None) -> None:
    """Ask the warehouse as its analyst, who may read everything and change nothing.

    With no QUERY, statements are read from standard input: one after another at a prompt, or
    the whole input as one statement. Prints a table on a terminal, tab-separated values elsewhere.
    """
    clickhouse = running_stack(data_dir).credentials.clickhouse
    try:
        client = clickhouse_connect.get_client(
            dsn=clickhouse.url,
            username=clickhouse.analyst_user,
            password=clickhouse.analyst_password,
            database=clickhouse.database,
        )
    except ClickHouseError as error:
        raise StackError(f"the warehouse does not answer: {error}") from None
    if query is None and sys.stdin.isatty():
        _converse(client, as_json)
        return
    try:
        _show(client, query or sys.stdin.read(), as_json)
    except ClickHouseError as error:
        raise StackError(_reason(error)) from None


def _converse(client: Client, as_json: bool) -> None:
    for statement in _statements():
        try:
            _show(client, statement, as_json)
        except ClickHouseError as error:
            click.echo(f"Error: {_reason(error)}", err=True)


def _statements() -> Iterator[str]:
    """Lines of the terminal, each a statement, until Ctrl-D or `exit`."""
    while True:
        try:
            line = input(_PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if line in ("exit", "quit"):
            return
        if line:
            yield line


def _show(client: Client, query: str, as_json: bool) -> None:
    result = client.query(query.strip().rstrip(";"))
    if as_json:
        _print_json(result.column_names, result.result_rows)
    elif sys.stdout.isatty():
        table = Table(*result.column_names)
        for row in result.result_rows:
            table.add_row(*(str(value) for value in row))
        Console().print(table)
    else:
        writer = csv.writer(sys.stdout, "excel-tab", lineterminator="\n")
        writer.writerow(result.column_names)
        writer.writerows(result.result_rows)


def _print_json(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    click.echo(msgspec.json.format(msgspec.json.encode(objects, enc_hook=str), indent=2).decode())


def _reason(error: ClickHouseError) -> str:
    return str(error).strip().splitlines()[0]
