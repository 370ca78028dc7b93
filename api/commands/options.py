"""What the commands share: the data directory, and finding the stack that runs on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import rich_click as click

from api.stack.credentials import Credentials
from api.stack.directory import DataDirectory
from api.stack.state import running_state

Function = TypeVar("Function", bound=Callable[..., Any])


def data_dir_option(function: Function) -> Function:
    """The option every command has."""
    return click.option(
        "--data-dir",
        default=".pitboss",
        show_default=True,
        metavar="D",
        help="Directory of the stack's data, credentials and logs.",
    )(function)


def json_option(function: Function) -> Function:
    """For commands whose result a script may read."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


@dataclass(frozen=True)
class Target:
    """A stack that runs, and how to use it."""

    directory: DataDirectory
    credentials: Credentials
    ports: dict[str, int]


def running_stack(data_dir: str) -> Target:
    """The stack running on a data directory. Raises `StackError` if there is none."""
    directory = DataDirectory.at(data_dir)
    running_state(directory)
    ports = json.loads(directory.ports.read_text())
    return Target(directory, Credentials.load(directory.credentials), ports)


def say(line: str) -> None:
    """Print a line at once, exactly as it is: scripts read these."""
    click.echo(line)
    sys.stdout.flush()
