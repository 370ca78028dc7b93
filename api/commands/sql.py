"""`pitboss sql`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from api.commands.options import data_dir_option, json_option, running_stack
from api.stack.errors import StackError
from dashboards.analyst_library import UnknownQuery, library, library_query
from warehouse.analyst import Analyst, QueryFailed

_PROMPT = "pitboss :) "
TABLE_ROWS = 1_000
"""A table aligns its columns, so its rows must be held; further ones are only counted as more."""

FORMATS = {
    "table": "JSONCompactStringsEachRowWithNamesAndTypes",
    "csv": "CSVWithNames",
    "tsv": "TabSeparatedWithNames",
    "json": "JSONEachRow",
    "jsonl": "JSONEachRow",
    "parquet": "Parquet",
}
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl",
             ".ndjson": "jsonl", ".parquet": "parquet", ".txt": "table"}  # fmt: skip
_NUMBERS = ("Int", "UInt", "Float", "Decimal")


@click.command()
@data_dir_option
@json_option
@click.argument("query", required=False)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Read the query from here.")
@click.option("--query", "name", metavar="NAME", help="A query of the analysts' library.")
@click.option("--list", "listed", is_flag=True, help="Show the library.")
@click.option("--operator", metavar="SLUG", help="Sets the parameter operator_id.")
@click.option("--param", "pairs", multiple=True, metavar="NAME=VALUE", help="For {NAME:Type}.")
@click.option("--format", "fmt", type=click.Choice(list(FORMATS)), help="Form of the result.")
@click.option("--out", type=click.Path(path_type=Path), help="Write here; its suffix says how.")
def command(
    data_dir: str,
    as_json: bool,
    query: str | None,
    file: Path | None,
    name: str | None,
    listed: bool,
    operator: str | None,
    pairs: tuple[str, ...],
    fmt: str | None,
    out: Path | None,
) -> None:
    """Ask the warehouse as its analyst, who may read everything and change nothing.

    With no QUERY, statements are read from standard input: one after another at a prompt, or
    the whole input as one statement. Prints a table on a terminal, tab-separated values elsewhere.
    Results stream, however large they are; only a table ends after 1,000 rows.
    """
    if listed:
        _show_library()
        return
    if sum(source is not None for source in (query, file, name)) > 1:
        raise StackError("give one of QUERY, --file and --query")
    form = _form(fmt, as_json, out)
    parameters = dict(_pair(pair) for pair in pairs)
    try:
        with _analyst(data_dir) as analyst:
            if query is None and file is None and name is None and sys.stdin.isatty():
                _converse(analyst, form)
                return
            text = _text(query, file)
            if name is not None:
                found = library_query(name)
                text, parameters = found.text, found.values(parameters, datetime.now(UTC))
            if operator is not None:
                parameters["operator_id"] = str(_operator_id(analyst, operator))
            _answer(analyst, text, parameters, form, out)
    except (QueryFailed, UnknownQuery) as error:
        raise StackError(str(error)) from None


def _analyst(data_dir: str) -> Analyst:
    clickhouse = running_stack(data_dir).credentials.clickhouse
    return Analyst(
        clickhouse.url, clickhouse.analyst_user, clickhouse.analyst_password, clickhouse.database
    )


def _text(query: str | None, file: Path | None) -> str:
    if file is None:
        return sys.stdin.read() if query is None else query
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"cannot read {file}: {error}") from None


def _form(fmt: str | None, as_json: bool, out: Path | None) -> str:
    """What the result is to look like: as asked, by the file's name, or by who reads it."""
    if fmt:
        return fmt
    if as_json:
        return "json"
    if out is not None:
        if out.suffix not in _SUFFIXES:
            known = ", ".join(_SUFFIXES)
            raise StackError(f"cannot tell the format of {out}: use --format, or one of {known}")
        return _SUFFIXES[out.suffix]
    return "table" if sys.stdout.isatty() else "tsv"


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise StackError(f"--param {text}: write NAME=VALUE")
    return name, value


def _operator_id(analyst: Analyst, slug: str) -> int:
    """The operator's id. Raises `QueryFailed` for a slug that nobody has."""
    answer = analyst.read(
        "SELECT slug, operator_id FROM operators FINAL ORDER BY slug", "JSONEachRow"
    )
    ids = {row["slug"]: row["operator_id"] for row in map(msgspec.json.decode, answer.splitlines())}
    if slug not in ids:
        raise QueryFailed(f"there is no operator {slug}; there are: {', '.join(ids) or 'none yet'}")
    return ids[slug]


def _converse(analyst: Analyst, form: str) -> None:
    for statement in _statements():
        try:
            _answer(analyst, statement, {}, form, None)
        except (QueryFailed, StackError) as error:
            click.echo(f"Error: {error}", err=True)


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


def _answer(
    analyst: Analyst, query: str, parameters: dict[str, str], form: str, out: Path | None
) -> None:
    pieces = analyst.stream(query, FORMATS[form], parameters)
    if out is None:
        if form == "parquet" and sys.stdout.isatty():
            raise StackError("Parquet is binary: write it to a file with --out")
        _write(pieces, form, sys.stdout.buffer)
        return
    fresh = out.with_name(f".{out.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            _write(pieces, form, file)
        fresh.replace(out)  # a result that broke off leaves what was there before
    except OSError as error:
        raise StackError(f"cannot write {out}: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)


def _write(pieces: Iterable[bytes], form: str, to: BinaryIO) -> None:
    if form == "table":
        _write_table(_lines(pieces), to)
        return
    for piece in _as_array(pieces) if form == "json" else pieces:
        to.write(piece)
    to.flush()


def _as_array(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """JSON objects one a line, as one array."""
    before = b"[\n  "
    for line in _lines(pieces):
        yield before + line
        before = b",\n  "
    yield b"\n]\n" if before.startswith(b",") else b"[]\n"


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _write_table(lines: Iterator[bytes], to: BinaryIO) -> None:
    """The rows in columns, numbers to the right; a form of the query's own is shown as it is."""
    head = list(islice(lines, 2))
    try:
        names, types = (msgspec.json.decode(line, type=list[str]) for line in head)
    except (msgspec.DecodeError, ValueError):
        for line in (*head, *lines):
            to.write(line + b"\n")
        to.flush()
        return
    table = Table()
    for name, kind in zip(names, types, strict=True):
        number = kind.removeprefix("Nullable(").startswith(_NUMBERS)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for line in islice(lines, TABLE_ROWS):
        table.add_row(*msgspec.json.decode(line, type=list[str]))
    more = next(lines, None) is not None
    terminal = Console() if to is sys.stdout.buffer and sys.stdout.isatty() else None
    text = StringIO()
    Console(
        file=text,
        width=terminal.width if terminal else 10_000,
        force_terminal=terminal is not None,
        markup=False,
    ).print(table)
    to.write(text.getvalue().encode())
    to.flush()
    if more:
        click.echo(f"the first {TABLE_ROWS:,} rows; --format or --out give all of them", err=True)


def _show_library() -> None:
    for query in library():
        click.echo(f"{query.name}\n    {query.question}")
        for parameter in query.parameters:
            default = f" (default {parameter.default})" if parameter.default else ""
            click.echo(f"    --param {parameter.name}=…  {parameter.meaning}{default}")
