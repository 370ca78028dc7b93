"""Postgres and Redis under the supervisor: killed one by one, and with their supervisor."""

import os
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tests.faults.driver import (
    STORES_ONLY,
    StackProcess,
    processes_of,
    wait_nothing_left,
    wait_until,
)


def start(data_dir: Path) -> StackProcess:
    return StackProcess(data_dir, [*STORES_ONLY, str(data_dir)])


def write_note(url: str, note: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [note])


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY 1")]


def test_clean_stop_leaves_nothing_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with start(data_dir) as stack:
        first = stack.wait_ready()
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(stack.directory.credentials.stat().st_mode) == 0o600
        write_note(first.postgres.url, "kept")
        redis.Redis.from_url(first.redis.url).set("kept", "yes")
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(90) == 0
        assert processes_of(data_dir) == []
    with start(data_dir) as stack:
        second = stack.wait_ready()
        assert second == first
        assert notes(second.postgres.url) == ["kept"]
        assert redis.Redis.from_url(second.redis.url).get("kept") == b"yes"


def test_stop_while_starting_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with start(data_dir) as stack:
        wait_until("redis runs", stack.directory.redis.exists)
        stack.process.send_signal(signal.SIGTERM)
        assert stack.process.wait(90) == 0
    assert processes_of(data_dir) == []


def test_killed_redis_comes_back(tmp_path: Path) -> None:
    with start(tmp_path / "data") as stack:
        credentials = stack.wait_ready()
        old = stack.kill_part("redis")
        stack.wait_recovered("redis", old)
        stack.wait_for_line("redis works again")
        assert redis.Redis.from_url(credentials.redis.url).ping()
        assert stack.part("postgres").restarts == 0


def test_killed_postmaster_with_a_busy_backend_comes_back(tmp_path: Path) -> None:
    with start(tmp_path / "data") as stack:
        credentials = stack.wait_ready()
        write_note(credentials.postgres.url, "committed")
        open_transaction = psycopg.connect(credentials.postgres.url)
        open_transaction.execute("INSERT INTO note VALUES ('not committed')")
        with keep_a_backend_busy(credentials.postgres.url) as busy:
            old = stack.kill_part("postgres")
            stack.wait_recovered("postgres", old)
            assert busy.wait(60) != 0
        open_transaction.close()
        assert notes(credentials.postgres.url) == ["committed"]


def test_killed_backend_needs_no_new_postmaster(tmp_path: Path) -> None:
    with start(tmp_path / "data") as stack:
        credentials = stack.wait_ready()
        write_note(credentials.postgres.url, "committed")
        postmaster = stack.part("postgres").pid
        with psycopg.connect(credentials.postgres.url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        wait_until("Postgres answers", lambda: answers(credentials.postgres.url))
        assert notes(credentials.postgres.url) == ["committed"]
        assert stack.part("postgres").pid == postmaster


def test_killed_supervisor_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with start(data_dir) as stack:
        first = stack.wait_ready()
        write_note(first.postgres.url, "committed")
        with keep_a_backend_busy(first.postgres.url):
            stack.process.kill()
            stack.process.wait()
            wait_nothing_left(data_dir)
    with start(data_dir) as stack:
        assert notes(stack.wait_ready().postgres.url) == ["committed"]


def test_start_right_after_everything_was_killed(tmp_path: Path) -> None:
    """Not even the kernel's tie helps here: a busy backend stays, and holds the shared memory."""
    data_dir = tmp_path / "data"
    with start(data_dir) as stack:
        first = stack.wait_ready()
        write_note(first.postgres.url, "committed")
        with keep_a_backend_busy(first.postgres.url):
            postmaster, cache = stack.part("postgres").pid, stack.part("redis").pid
            assert postmaster
            assert cache
            for pid in (stack.process.pid, postmaster, cache):
                os.kill(pid, signal.SIGKILL)
            with start(data_dir) as again:
                second = again.wait_ready()
                assert second.postgres.url == first.postgres.url
                assert notes(second.postgres.url) == ["committed"]


def test_second_supervisor_on_the_same_directory_says_why_not(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with start(data_dir) as stack:
        stack.wait_ready()
        with start(data_dir) as second:
            assert second.process.wait(60) == 1
            second.wait_for_line("another stack already runs")
            assert str(stack.process.pid) in second.output()
        assert stack.part("postgres").healthy


def test_other_files_are_not_taken_for_a_data_directory(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    tmp_path.chmod(0o755)
    with start(tmp_path) as stack:
        assert stack.process.wait(60) == 1
        stack.wait_for_line("holds other files")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_two_stacks_side_by_side_take_different_ports(tmp_path: Path) -> None:
    with start(tmp_path / "one") as one, start(tmp_path / "two") as two:
        first, second = one.wait_ready(), two.wait_ready()
        write_note(first.postgres.url, "one")
        write_note(second.postgres.url, "two")
        assert notes(first.postgres.url) == ["one"]


def test_long_data_directory(tmp_path: Path) -> None:
    """The socket's path may have 107 bytes; a data directory may be much deeper than that."""
    with start(tmp_path / ("deep" * 30) / "data") as stack:
        write_note(stack.wait_ready().postgres.url, "deep")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_ordinary_user() -> None:
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    python = python_for_others(become)
    data_dir = Path("/tmp") / f"pitboss-ordinary-{os.getpid()}"
    data_dir.mkdir()
    os.chown(data_dir, 65534, 65534)
    try:
        with StackProcess(data_dir, [*become, *python, *STORES_ONLY[1:], str(data_dir)]) as stack:
            stack.wait_for_line("READY")
            wait_until("Postgres is seen healthy", lambda: stack.part("postgres").healthy)
        assert processes_of(data_dir) == []
    finally:
        subprocess.run(["rm", "-rf", str(data_dir)], check=True)


def python_for_others(become: list[str]) -> list[str]:
    """A Python of our version, with our packages, that another user can run.

    Ours may lie in root's home; then it is the system's, on the same packages.
    """
    packages = sysconfig.get_path("purelib")
    checkout = Path(__file__).parents[2]
    system = ["env", f"PYTHONPATH={packages}:{checkout}", "/usr/bin/python3"]
    question = "import sys, asyncpg, api.stack.up; print(sys.version_info[:2])"
    for python in ([sys.executable], system):
        asked = [*become, *python, "-c", question]
        seen = subprocess.run(asked, capture_output=True, text=True, check=False)
        if seen.stdout.strip() == str(sys.version_info[:2]):
            return python
    pytest.skip("neither this Python nor the system's can run this checkout as another user")


@contextmanager
def keep_a_backend_busy(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A client whose backend computes for minutes and looks at nothing else meanwhile."""
    query = "SELECT count(*) FROM generate_series(1, 3000000000)"
    client = subprocess.Popen(
        [sys.executable, "-c", f"import psycopg; psycopg.connect({url!r}).execute({query!r})"],
        stderr=subprocess.DEVNULL,
    )
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            wait_until("the backend computes", lambda: is_busy(connection))
        yield client
    finally:
        client.kill()
        client.wait()


def is_busy(connection: psycopg.Connection) -> bool:
    found = connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1%'"
        " AND pid <> pg_backend_pid()"
    ).fetchone()
    return found is not None


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url):
            return True
    except psycopg.OperationalError:
        return False
