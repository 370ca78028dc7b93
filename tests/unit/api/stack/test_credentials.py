"""Credentials: generated once, private, and the same words as the CLI contract."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.settings import Settings
from api.stack.credentials import Credentials, Login, OperatorLogin, password_in
from api.stack.errors import StackError
from api.stack.parts import environment_of, settings_of

PORTS = {"api": 8000, "worker": 8200, "gateway": 8123, "postgres": 5432, "redis": 6379}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    credentials = Credentials.generate()
    credentials.use_ports(PORTS)
    credentials.save(tmp_path / "credentials.json")
    return tmp_path / "credentials.json"


def test_the_file_is_private_and_reads_back(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Credentials.load(path) == Credentials.load(path)


def test_the_file_has_what_the_contract_names(path: Path) -> None:
    content = json.loads(path.read_text())
    assert content["base_url"] == "http://127.0.0.1:8000"
    assert set(content["clickhouse"]) == {
        "url",
        "user",
        "password",
        "analyst_user",
        "analyst_password",
        "database",
    }
    assert content["postgres"]["url"].startswith("postgresql://pitboss:")
    assert content["redis"]["url"].startswith("redis://:")
    assert set(content["platform_admin"]) == {"login", "password"}
    assert content["operators"] == []
    assert content["webhooks"]["mock"]["secret"].startswith("whsec_")
    assert content["bots"]["password"]


def test_every_directory_has_its_own_secrets() -> None:
    one, two = Credentials.generate(), Credentials.generate()
    assert one.secret_key != two.secret_key
    assert password_in(one.postgres.url) != password_in(two.postgres.url)
    assert one.platform_admin.password != two.platform_admin.password


def test_new_ports_change_addresses_and_nothing_else(path: Path) -> None:
    before, after = Credentials.load(path), Credentials.load(path)
    after.use_ports({name: port + 1 for name, port in PORTS.items()})
    assert after.base_url == "http://127.0.0.1:8001"
    assert ":5433/" in after.postgres.url
    assert password_in(after.postgres.url) == password_in(before.postgres.url)
    assert password_in(after.redis.url) == password_in(before.redis.url)
    after.use_ports(PORTS)
    assert after == before


def test_updates_at_once_lose_nothing(path: Path) -> None:
    def add(number: int) -> None:
        entry = OperatorLogin(number, f"operator-{number}", Login("manager", "secret"))
        Credentials.update(path, lambda current: current.operators.append(entry))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    numbers = sorted(one.operator_id for one in Credentials.load(path).operators)
    assert numbers == list(range(40))


def test_the_processes_settings_are_valid(path: Path) -> None:
    credentials = Credentials.load(path)
    settings = settings_of(credentials, PORTS)
    assert isinstance(settings, Settings)
    assert settings.public_url == credentials.base_url
    assert settings.mock_provider
    assert environment_of(credentials, PORTS)["PITBOSS_WORKER_PORT"] == "8200"


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="pitboss up"):
        Credentials.load(tmp_path / "credentials.json")


def test_a_damaged_file_is_not_taken_for_an_empty_one(path: Path) -> None:
    path.write_text("{}")
    with pytest.raises(StackError, match="cannot read"):
        Credentials.load(path)
