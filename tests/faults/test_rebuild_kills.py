"""Rebuilding a rollup while rows stream in: whatever is killed, and whenever, it ends exact."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import clickhouse_connect
import pytest
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from ledger.database import Role, role_dsn
from tests.support.gateway import GatewayProcess, start_gateway
from tests.support.outbox import bet_event, write
from warehouse.hold import stream_held
from warehouse.migrate import upgrade
from warehouse.raw_tables import RawTables
from warehouse.relay import Pace, Relay
from warehouse.rollups import ROLLUPS

ROOT = Path(__file__).resolve().parents[2]
PAST_BETS = 400_000
COMMAND_KILLS, GATEWAY_KILLS = 10, 4
USERS = [uuid7() for _ in range(50)]

PAST = """
INSERT INTO bets (operator_id, bet_id, user_id, game_id, is_bot, currency, bet_type, sign,
    wager, wager_real, win, win_real, ggr, liability_delta, created_at)
SELECT
    1 + number % 3, generateUUIDv7(), generateUUIDv7(number % 5000), 1 + number % 20, number % 2,
    'EUR', 'REAL', 1, 50 * (1 + number % 60) AS stake, stake,
    if(number % 3 = 0, stake * 2, 0) AS prize, prize, stake - prize, prize - stake,
    toDateTime64('2026-01-03 22:00:00', 6, 'UTC') + INTERVAL number % 3000000 SECOND
FROM numbers({rows:UInt64})
"""


class Site:
    """A database pair of its own with a past, whose gateway may be killed."""

    def __init__(self, gateway: GatewayProcess, postgres_url: str) -> None:
        self.gateway, self.postgres_url = gateway, postgres_url
        self.written = 0

    def restart_gateway(self) -> None:
        self.gateway.kill()
        self.gateway = start_gateway(self.gateway.path.parent, port=self.gateway.port)

    def ask(self, query: str, **parameters: Any) -> list[Any]:
        dsn = self.gateway.clickhouse_url
        with clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False) as client:
            return list(client.query(query, parameters=parameters).result_rows)

    def command(self, text: str, **parameters: Any) -> None:
        dsn = self.gateway.clickhouse_url
        with clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False) as client:
            client.command(text, parameters=parameters)

    async def start_rebuild(self, name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tests.support.rebuild_process"),
            *(self.postgres_url, self.gateway.clickhouse_url, name),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Site]:
    gateway = start_gateway(tmp_path_factory.mktemp("killed"))
    upgrade(gateway.clickhouse_url)
    site = Site(gateway, postgres_url)
    site.command(PAST, rows=PAST_BETS)
    yield site
    site.gateway.stop()


@asynccontextmanager
async def streaming(site: Site, secret_key: str, redis_url: str) -> AsyncIterator[None]:
    """A relay, and bets and rollbacks written all the while."""
    dsn = role_dsn(site.postgres_url, Role.RELAY, secret_key)
    stopping = asyncio.Event()

    async def bet() -> None:
        connection = await asyncpg.connect(site.postgres_url)
        while not stopping.is_set():
            number = site.written
            user, wager = USERS[number % len(USERS)], 10 + number % 700
            events = [
                bet_event(operator_id=1 + n % 3, user_id=user, wager=wager, game_id=1 + n % 20)
                for n in range(4)
            ]
            gone = bet_event(operator_id=1, user_id=user, wager=wager, sign=-1)
            await write(connection, *events, gone)
            site.written += 5
            await asyncio.sleep(0.01)
        await connection.close()

    async with Redis.from_url(redis_url) as redis:
        pace = Pace(backoff=0.05, backoff_limit=0.2)
        relay = Relay(
            postgres_dsn=dsn,
            tables=RawTables(site.gateway.clickhouse_url),
            redis=redis,
            pace=pace,
        )
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(bet())]
        try:
            yield
            stopping.set()
            await tasks[1]
            while await unsent(site):  # noqa: ASYNC110 - the relay tells nobody
                await asyncio.sleep(0.05)
        finally:
            stopping.set()
            relay.stop()
            await asyncio.gather(*tasks)


async def arrived(site: Site) -> None:
    """Wait until bets come in."""
    nothing = [(PAST_BETS,)]
    while await asyncio.to_thread(site.ask, "SELECT count() FROM bets") == nothing:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def unsent(site: Site) -> bool:
    """Whether rows of the outbox are not in the raw table."""
    (bets,) = await asyncio.to_thread(site.ask, "SELECT count() FROM bets")
    return bets[0] < PAST_BETS + site.written


def assert_exact(site: Site) -> None:
    """Raw rows are complete, every rollup agrees with them, and nothing is left behind."""
    assert site.ask("SELECT count() FROM bets") == [(PAST_BETS + site.written,)]
    for name in ROLLUPS:
        assert differing(site, name) == []
    assert aside(site) == set()


def differing(site: Site, rollup: str) -> list[Any]:
    queries = map(ROLLUPS[rollup].difference_query, ROLLUPS[rollup].grains)
    return [row for query in queries for row in site.ask(query, since="1970-01-01 00:00:00.0")]


def aside(site: Site) -> set[str]:
    """Tables that a rebuild works with."""
    return {name for (name,) in site.ask("SHOW TABLES") if "__" in name}


async def left_behind(site: Site) -> set[str]:
    return await asyncio.to_thread(aside, site)


async def begun(site: Site, name: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the rebuild has made its table, or has ended."""
    while process.returncode is None:
        if f"{name}__rebuild" in await left_behind(site):
            return
        await asyncio.sleep(0.02)


async def finish(site: Site, name: str) -> str:
    process = await site.start_rebuild(name)
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


@pytest.mark.timeout(300)
async def test_a_new_rollup_is_added_whatever_is_killed(
    site: Site, secret_key: str, redis_url: str
) -> None:
    """The table is not there until it is whole; then its view feeds it."""
    name, draw, left = "bet_rollups", random.Random(5), set[str]()  # noqa: S311
    async with streaming(site, secret_key, redis_url):
        await arrived(site)
        async with held(site):  # the relay looks for its views when it begins, and has begun
            await asyncio.to_thread(site.command, f"DROP TABLE {name}_mv SYNC")
            await asyncio.to_thread(site.command, f"DROP TABLE {name} SYNC")
        for _ in range(COMMAND_KILLS):
            process = await site.start_rebuild(name)
            await begun(site, name, process)
            await asyncio.sleep(draw.random() * 0.8)
            if process.returncode is None:
                process.kill()
            await process.communicate()
            left |= await left_behind(site)
            if await asyncio.to_thread(site.ask, f"EXISTS TABLE {name}") == [(1,)]:
                async with held(site):
                    assert await asyncio.to_thread(differing, site, name) == []
        print(await finish(site, name), left)
    assert {f"{name}__rebuild", f"{name}__rebuild_mv", f"{name}__rows"} <= left
    assert_exact(site)
    assert site.ask(f"SELECT count() FROM system.tables WHERE name = '{name}_mv'") == [(1,)]


@asynccontextmanager
async def held(site: Site) -> AsyncIterator[None]:
    """The relay stands still."""
    connection = await asyncpg.connect(site.postgres_url)
    async with stream_held(connection):
        yield
    await connection.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["bet_rollups"])
async def test_a_table_is_made_again_while_the_gateway_is_killed(
    name: str, site: Site, secret_key: str, redis_url: str
) -> None:
    """Readers' figures never fall: the old table stands until the new one takes its place."""
    draw, left = random.Random(7), set[str]()  # noqa: S311
    async with streaming(site, secret_key, redis_url):
        for _ in range(GATEWAY_KILLS):
            process = await site.start_rebuild(name)
            await begun(site, name, process)
            await asyncio.sleep(draw.random() * 0.8)
            await asyncio.to_thread(site.restart_gateway)
            left |= await left_behind(site)
            await process.communicate()  # it may have ended well or not
            assert await asyncio.to_thread(site.ask, f"SELECT count() > 0 FROM {name}") == [(True,)]
        print(await finish(site, name), left)
    assert f"{name}__rebuild" in left
    assert_exact(site)
