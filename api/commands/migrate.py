"""`pitboss migrate`."""

from __future__ import annotations

import rich_click as click

from api.commands.options import data_dir_option, running_stack
from api.migrate import migrate
from api.stack.parts import settings_of


@click.command()
@data_dir_option
def command(data_dir: str) -> None:
    """Bring both stores of the running stack to the newest schema.

    `up` does this at every start. For servers of your own: `python -m api.migrate` with the
    `PITBOSS_*` environment.
    """
    target = running_stack(data_dir)
    migrate(settings_of(target.credentials, target.ports))
    click.echo("both stores are at the newest schema")
