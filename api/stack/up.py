"""`pitboss up`: from a data directory to a running stack, in the foreground."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api.stack import ports
from api.stack.credentials import Credentials
from api.stack.directory import DataDirectory
from api.stack.errors import StackError
from api.stack.leftovers import end_leftovers
from api.stack.parts import PREFERRED_PORTS, LocalStack, python_module
from api.stack.processes import open_log
from api.stack.state import StackState
from api.stack.supervisor import Stage, Supervisor

ALL_PARTS = ("postgres", "redis", "gateway", "worker", "api")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run. Without `api` among the parts nothing is migrated either."""

    data_dir: str
    port: int | None = None
    workers: int = 1
    parts: tuple[str, ...] = ALL_PARTS


@dataclass(frozen=True)
class Running:
    """A stack that serves, as handed to what follows its start."""

    stack: LocalStack
    supervisor: Supervisor


Follow = Callable[[Running], Awaitable[None]]


async def run(
    options: Options, report: Callable[[str], None], follow: Follow | None = None
) -> None:
    """Run the stack until SIGINT or SIGTERM, then stop it.

    Prints `READY` and the credentials' place by `report` once everything serves; `follow`, where
    given, runs instead and announces it itself. Raises `StackError` if the stack cannot be started.
    """
    directory = DataDirectory.at(options.data_dir)
    directory.create()
    with directory.locked(), ports.Claims() as claims:
        await asyncio.to_thread(end_leftovers, directory)
        stack = _open(directory, options, claims)
        state = StackState(
            data_dir=str(directory.root),
            base_url=stack.credentials.base_url,
            supervisor_pid=os.getpid(),
        )
        supervisor = Supervisor(directory, _stages(stack, options), state, report)
        running = Running(stack, supervisor)

        async def when_ready() -> None:
            if follow is None:
                announce(running, report)
            else:
                await follow(running)

        await supervisor.run(when_ready)


def announce(running: Running, report: Callable[[str], None]) -> None:
    """The two lines that scripts wait for."""
    report(f"READY {running.stack.credentials.base_url}")
    report(f"credentials {running.stack.directory.credentials}")


def _open(directory: DataDirectory, options: Options, claims: ports.Claims) -> LocalStack:
    """Credentials, made at the first start, and this start's ports."""
    required = {} if options.port is None else {"api": options.port}
    allotted = ports.allot(directory.ports, PREFERRED_PORTS, required, claims)
    if directory.credentials.exists():
        credentials = Credentials.load(directory.credentials)
    elif directory.postgres.exists():
        raise StackError(f"{directory.root} has data but no credentials.json to open it with")
    else:
        credentials = Credentials.generate()
        credentials.use_ports(allotted)
        credentials.save(directory.credentials)
    credentials = Credentials.update(
        directory.credentials, lambda current: current.use_ports(allotted)
    )
    return LocalStack(directory, credentials, allotted)


def _stages(stack: LocalStack, options: Options) -> list[Stage]:
    """Stores side by side, then migrations, then what uses them."""

    async def migrate() -> None:
        await run_once(stack, "migrate", python_module("api.stack.schema", str(root)))

    root = stack.directory.root
    stores = [part for part in stack.stores() if part.name in options.parts]
    servers = [part for part in stack.servers(options.workers) if part.name in options.parts]
    return [stores, migrate, servers] if servers else [stores]


async def run_once(stack: LocalStack, name: str, command: list[str]) -> None:
    """Run a command of ours to its end. Raises `StackError` with its last lines if it fails."""
    log = stack.directory.logs / f"{name}.log"
    with open_log(log) as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=stack.directory.root,
            env=stack.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise StackError(f"{name} failed\n{tail}\n(whole log: {log})")
