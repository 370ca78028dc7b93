"""The `pitboss` command line: which commands there are, each loaded when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click
import rich_click
from rich_click import RichCommand, RichContext, RichGroup

from api.stack.errors import StackError

# Name → (module below api.commands, one line of help). The help is here so that `pitboss --help`
# need not load what the commands work with.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "Run the whole stack in the foreground."),
    "demo": ("demo", "Run the stack with seeded operators, games and playing bots."),
    "status": ("status", "Show the processes of the running stack."),
    "seed": ("seed", "Fill the running stack with operators, games and bots."),
    "bots": ("bots", "Let bots play against the running stack."),
    "sql": ("sql", "Ask the warehouse as its analyst."),
    "warehouse": ("warehouse", "Make tables of the warehouse again while rows stream in."),
    "report": ("report", "An operator's day or week, as a page or a spreadsheet."),
    "reconcile": ("reconcile", "Check the books: wallets, journals, warehouse."),
    "bench": ("bench", "Measure the running stack."),
    "migrate": ("migrate", "Bring both stores of the running stack to the newest schema."),
    "openapi": ("openapi", "Print the API's OpenAPI document."),
}


class LazyGroup(RichGroup):
    """A group whose commands are imported only when one of them runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A placeholder that knows its help: enough for the list of commands."""
        if cmd_name not in _COMMANDS:
            return None
        return RichCommand(name=cmd_name, help=_COMMANDS[cmd_name][1])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command itself."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        if name is None or placeholder is None:
            return name, placeholder, rest
        module: Any = importlib.import_module(f"api.commands.{_COMMANDS[name][0]}")
        return name, module.command, rest


@rich_click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@rich_click.version_option(package_name="pitboss")
@rich_click.pass_context
def cli(ctx: RichContext) -> None:
    """Pitboss: an analytics-first, multi-operator casino platform.

    `pitboss demo` shows everything; `pitboss up` runs an empty stack.
    """


def main() -> None:
    """Run the command line; a failure that is no fault of the program's is one line of text."""
    try:
        cli()
    except StackError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
