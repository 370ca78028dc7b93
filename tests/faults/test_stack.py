"""The whole stack under traffic: every part killed in turn, the stack itself last.

After each kill the stack must recover by itself, bets must go on, and at the end the books must
agree to the cent.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.stack.credentials import Credentials
from tests.faults.driver import StackProcess, processes_of, wait_nothing_left, wait_until
from tests.faults.test_stores import answers, keep_a_backend_busy

PITBOSS = [sys.executable, "-m", "api.cli"]
PARTS = ("worker", "gateway", "api", "redis", "postgres")
BOTS = "16"


def pitboss(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PITBOSS, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole") / "data"


@pytest.fixture(scope="module")
def demo(data_dir: Path) -> Iterator[StackProcess]:
    command = [*PITBOSS, "demo", "--data-dir", str(data_dir), "--bots", BOTS]
    with StackProcess(data_dir, command) as stack:
        stack.wait_ready()
        yield stack


class Operator:
    """An operator's admin, who looks at the figures over HTTP."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._token = ""

    def bets(self) -> int:
        """Bets in the warehouse so far; -1 while the stack cannot say."""
        try:
            games = self._get("/operator/analytics/games")
        except (httpx.HTTPError, KeyError):
            self._token = ""
            return -1
        return sum(game["bets"] for game in games["items"])

    def _get(self, path: str) -> dict[str, Any]:
        if not self._token:
            self._token = self._log_in()
        return self._ask("GET", path, headers={"Authorization": f"Bearer {self._token}"})

    def _log_in(self) -> str:
        operator = self._credentials.operators[0]
        form = {
            "operator": operator.slug,
            "login": operator.admin.login,
            "password": operator.admin.password,
            "transport": "bearer",
        }
        return self._ask("POST", "/auth/login", json=form)["token"]

    def _ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        url = f"{self._credentials.base_url}{path}"
        answer = httpx.request(method, url, timeout=10, trust_env=False, **content)
        answer.raise_for_status()
        return answer.json()


def operator_of(stack: StackProcess) -> Operator:
    return Operator(Credentials.load(stack.directory.credentials))


def wait_for_more_bets(operator: Operator) -> None:
    """Bets placed from now on arrive in the operator's figures."""
    seen = -1

    def known() -> bool:
        nonlocal seen
        seen = operator.bets()
        return seen >= 0

    wait_until("the operator sees figures", known)
    wait_until("new bets arrive", lambda: operator.bets() > seen)


def test_status_shows_every_part(demo: StackProcess, data_dir: Path) -> None:
    shown = pitboss("status", "--data-dir", str(data_dir))
    assert shown.returncode == 0, shown.stderr
    for part in PARTS:
        assert part in shown.stdout
    assert {one.name for one in demo.state().processes} == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_bets_go_on_after_a_part_is_killed(demo: StackProcess, part: str) -> None:
    operator = operator_of(demo)
    wait_for_more_bets(operator)
    others = {one.name: one.pid for one in demo.state().processes if one.name != part}
    old = demo.kill_part(part)
    demo.wait_recovered(part, old)
    wait_for_more_bets(operator)
    demo.wait_for_line(f"{part} works again")
    assert others == {one.name: one.pid for one in demo.state().processes if one.name != part}


def test_bets_go_on_after_the_postmaster_dies_with_a_busy_backend(demo: StackProcess) -> None:
    url = Credentials.load(demo.directory.credentials).postgres.url
    with keep_a_backend_busy(url):
        old = demo.kill_part("postgres")
        demo.wait_recovered("postgres", old)
    wait_until("Postgres answers", lambda: answers(url))
    wait_for_more_bets(operator_of(demo))


def test_the_books_agree_after_all_that(demo: StackProcess, data_dir: Path) -> None:
    checked = pitboss("reconcile", "--data-dir", str(data_dir))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_killed_stack_leaves_nothing_and_the_next_start_keeps_the_books(
    demo: StackProcess, data_dir: Path
) -> None:
    operator = operator_of(demo)
    wait_for_more_bets(operator)
    before = operator.bets()
    demo.process.send_signal(signal.SIGKILL)
    demo.process.wait()
    wait_nothing_left(data_dir)
    status = pitboss("status", "--data-dir", str(data_dir))
    assert status.returncode == 1
    assert status.stderr.startswith("Error: no stack runs on")
    command = [*PITBOSS, "up", "--data-dir", str(data_dir), "--workers", "2"]
    with StackProcess(data_dir, command) as again:
        again.wait_ready()
        operator = operator_of(again)
        wait_until("the operator sees the bets", lambda: operator.bets() >= before)
        one_of_two_api_processes_dies(again, operator)
        checked = pitboss("reconcile", "--data-dir", str(data_dir))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(90) == 0
    assert processes_of(data_dir) == []


def one_of_two_api_processes_dies(stack: StackProcess, operator: Operator) -> None:
    """The other one serves on, and the dead one comes back."""
    pids = {one.pid for one in stack.state().processes if one.name == "api"}
    assert len(pids) == 2
    survivor = pids - {stack.kill_part("api")}

    def back() -> bool:
        apis = [one for one in stack.state().processes if one.name == "api"]
        return all(one.healthy for one in apis) and survivor < {one.pid for one in apis} != pids

    wait_until("both API processes serve", back)
    assert operator.bets() >= 0
