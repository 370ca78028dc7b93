"""Seeds, the correctness swarm, the bots and the bench against a whole running stack."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from loadgen import catalogue
from loadgen.bench.analytics import run_analytics_bench
from loadgen.bench.relay import run_relay_bench
from loadgen.bench.spin import run_spin_bench
from loadgen.client import ApiClient
from loadgen.seeds import things_declared
from loadgen.verify import verify_spins
from tests.faults.driver import StackProcess

PITBOSS = [sys.executable, "-P", "-m", "api.cli"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    data_dir = tmp_path_factory.mktemp("stack")
    with StackProcess(data_dir, [*PITBOSS, "up", "--data-dir", str(data_dir)]) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def first_seed(stack: StackProcess) -> dict[str, int]:
    return seed(stack, "static")


@pytest.fixture
def credentials(stack: StackProcess, first_seed: dict[str, int]) -> dict[str, Any]:
    return msgspec.to_builtins(stack.wait_ready())


def seed(stack: StackProcess, *what: str) -> dict[str, int]:
    data_dir = str(stack.directory.root)
    command = [*PITBOSS, "seed", *what, "--json", "--data-dir", data_dir]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)


def swarm(stack: StackProcess, *arguments: str) -> list[str]:
    where = ["--credentials", str(stack.directory.credentials), "--headless"]
    return [sys.executable, "-P", "-m", "loadgen.swarm", *where, *arguments]


async def test_seeds_are_idempotent_and_put_right_what_was_changed(
    stack: StackProcess, first_seed: dict[str, int], credentials: dict[str, Any]
):
    things = things_declared()
    assert (first_seed["created"], first_seed["updated"]) == (things, 0)
    again = seed(stack, "static")
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, things)

    async with ApiClient(credentials["base_url"]) as client:
        await client.log_in(**credentials["platform_admin"])
        games = {game["slug"]: game async for game in client.items("/admin/games", limit=500)}
        declared = catalogue.games()[0]
        changed = declared.as_json(games[declared.slug]["category_id"])
        changed |= {"name": "Renamed", "active": False}
        await client.put(f"/admin/games/{games[declared.slug]['game_id']}", changed)
        assert seed(stack, "static")["updated"] == 1
        after = {game["slug"]: game async for game in client.items("/admin/games", limit=500)}
        assert after[declared.slug]["name"] == declared.name
        assert after[declared.slug]["active"] is False
        assert after["broken-compass"]["active"] is False
        changed |= {"name": declared.name, "active": True}
        await client.put(f"/admin/games/{games[declared.slug]['game_id']}", changed)
    assert msgspec.to_builtins(stack.wait_ready())["operators"] == credentials["operators"]


@pytest.mark.usefixtures("first_seed")
def test_bots_are_created_once(stack: StackProcess):
    assert seed(stack, "bots", "6")["created"] == 6
    assert seed(stack, "bots", "9")["created"] == 3


async def test_a_thousand_spins_of_fifty_players_stand_everywhere(credentials: dict[str, Any]):
    report = await verify_spins(credentials)
    assert report.problems == []
    assert report.bets == 1_000
    assert 50 <= report.replays <= 200
    assert report.visible_after_seconds is not None


@pytest.mark.usefixtures("first_seed")
def test_bots_play_and_leave_when_the_time_is_up(stack: StackProcess):
    seed(stack, "bots", "8")
    command = swarm(stack, "--bots", "8", "--spawn-rate", "8", "--for", "12")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert not first.startswith("0 spins"), done.stdout
    assert " 0 failed" in first, done.stdout


@pytest.mark.usefixtures("first_seed")
def test_swarm_ends_on_sigterm_and_says_who_is_not_seeded(stack: StackProcess):
    command = swarm(stack, "--bots", "400", "--spawn-rate", "100")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(6)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert "bots could not log in: invalid_credentials" in output


def test_bench_measures_spins_beside_tpc_b(credentials: dict[str, Any]):
    result = run_spin_bench(credentials, seconds=1, connections=4, scale=1, rounds=1)
    assert result["spins"]["errors"] == 0
    assert result["spins"]["per_second"] > 0
    assert result["pgbench"]["per_second"] > 0


def test_bench_asks_analytics_over_a_history(credentials: dict[str, Any]):
    """The last test of the module: what it generates is in no ledger."""
    result = run_analytics_bench(
        credentials, bets=120_000, days=30, players=500, postgres_bets=5_000, seconds=1
    )
    tables = result["loading"]["tables"]
    assert tables["bets"] >= 120_000
    assert 0 < tables["bet_rollups"] < 3 * tables["bets"]
    assert result["stream"]["errors"] == 0
    for question in result["questions"]:
        assert question["asked"] > 0, question
        assert min(question["p50_ms"], question["raw_ms"], question["postgres_ms"]) > 0


def test_bench_measures_the_relay(credentials: dict[str, Any]):
    result = run_relay_bench(credentials, seconds=1, rate=50)
    lag, drain = result["lag"], result["drain"]
    assert lag["errors"] == 0
    assert 50 < lag["bets"] < 300
    assert 0 < lag["p50_ms"] <= lag["p99_ms"]
    assert lag["seen_by_a_reader"]["probes"] > 0
    assert drain["rows"] > 0
    assert drain["rows_per_second"] > 0
