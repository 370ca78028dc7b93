"""The process: its lock, its temporary files, its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.warehouse.gateway.conftest import Answer, ask_gateway
from tests.support.gateway import GatewayProcess, start_gateway


def second_process(gateway: GatewayProcess, users: Path, port: str = "0"):
    return subprocess.run(
        [
            *(sys.executable, "-m", "warehouse.gateway", "--path", str(gateway.path)),
            *("--users", str(users), "--port", port),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_process_is_told_who_has_the_directory(gateway: GatewayProcess) -> None:
    users = gateway.path.parent / "gateway-users.json"
    second = second_process(gateway, users)
    assert second.returncode != 0
    assert f"in use by process {gateway.process.pid}" in second.stderr
    assert ask_gateway(gateway, "SELECT 1").body == b"1\n"


def test_a_bad_users_file_is_named(gateway: GatewayProcess, tmp_path: Path) -> None:
    users = tmp_path / "users.json"
    users.write_text('{"database": "pitboss", "writer": {}}')
    second = second_process(gateway, users)
    assert second.returncode != 0
    assert str(users) in second.stderr


def test_leftovers_of_a_killed_process_are_cleared(tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path)
    leftover = gateway.path / "tmp" / "left.behind"
    gateway.kill()
    leftover.write_bytes(b"x" * 1000)
    gateway = start_gateway(tmp_path)
    assert not leftover.exists()
    assert gateway.stop() == 0


def test_stop_lets_a_running_insert_end(tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path)
    ask_gateway(gateway, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    answers: list[Answer] = []
    slow = "INSERT INTO t SELECT number + sleepEachRow(0.05) FROM numbers(40)"
    running = threading.Thread(
        target=lambda: answers.append(ask_gateway(gateway, slow, max_block_size=10))
    )
    running.start()
    while ask_gateway(gateway, "SELECT count() FROM system.processes").body != b"2\n":
        time.sleep(0.01)
    assert gateway.stop() == 0
    running.join()
    assert [answer.status for answer in answers] == [200]
    gateway = start_gateway(tmp_path)
    assert ask_gateway(gateway, "SELECT count() FROM t").body == b"40\n"
    gateway.stop()


def test_stays_within_its_memory(tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path, "--memory-mib", "600")
    try:
        hungry = "SELECT count() FROM (SELECT groupArray(toString(number)) FROM numbers(30000000))"
        answer = ask_gateway(gateway, hungry)
        assert answer.code == 241
        assert ask_gateway(gateway, "SELECT 1").body == b"1\n"
        assert psutil.Process(gateway.process.pid).memory_info().rss < 1500 << 20
    finally:
        gateway.stop()


@pytest.mark.parametrize("count", [1, 3])
def test_waits_for_a_free_handle_in_turn(tmp_path: Path, count: int) -> None:
    gateway = start_gateway(tmp_path, "--writer-queries", str(count))
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask_gateway(gateway, "SELECT sleep(0.2)")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 6
    gateway.stop()
