"""The command line without a stack: its help, its errors, and that both are quick."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from api.cli import cli

NEED_A_STACK = (
    ("status",),
    ("status", "--json"),
    ("seed", "static"),
    ("seed", "bots", "5"),
    ("seed", "history", "--days", "2"),
    ("bots", "start"),
    ("sql", "SELECT 1"),
    ("report", "daily", "--operator", "x", "--out", "x.html"),
    ("reconcile",),
    ("migrate",),
    ("bench", "spin"),
)


def commands() -> list[str]:
    return cli.list_commands(click.Context(cli))


def pitboss(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", commands())
def test_every_listed_command_exists_and_takes_a_data_dir(name: str) -> None:
    command = importlib.import_module(f"api.commands.{name}").command
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        assert "data_dir" in {parameter.name for parameter in leaf.params}
        assert leaf.help


def test_help_lists_the_commands_without_loading_them() -> None:
    script = (
        "import json, sys; from api.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    shown, _, modules = done.stdout.rstrip().rpartition("\n")
    assert all(name in shown for name in commands())
    loaded = json.loads(modules)
    assert not {"litestar", "httpx", "asyncpg", "pandas", "locust"} & set(loaded)


@pytest.mark.parametrize("arguments", NEED_A_STACK, ids=" ".join)
def test_without_a_stack_a_command_fails_with_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = pitboss(*arguments, "--data-dir", str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: no stack runs on")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists(), "asking must not create anything"


def test_an_unknown_command_is_an_error() -> None:
    done = pitboss("depoly")
    assert done.returncode == 2
    assert "depoly" in done.stderr


def test_openapi_needs_no_stack() -> None:
    done = pitboss("openapi")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["openapi"].startswith("3.1")
    assert "/game/spin" in document["paths"]


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" not in pitboss("--help").stdout
