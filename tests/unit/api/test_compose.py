"""`compose.yaml`, as far as it can be checked without Docker."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings

ROOT = Path(__file__).parents[3]
OURS = ("migrate", "worker", "api")
FILLED_IN = {
    "POSTGRES_PASSWORD": "p" * 32,
    "REDIS_PASSWORD": "r" * 32,
    "CLICKHOUSE_PASSWORD": "c" * 32,
    "PITBOSS_SECRET_KEY": "s" * 64,
    "PITBOSS_WEBHOOK_SECRET_MOCK": "whsec_" + "A" * 44,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def interpolate(text: str, variables: dict[str, str]) -> str:
    """Compose's own `${NAME}`, `${NAME:-default}` and `${NAME:?message}`."""

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name in variables:
            return variables[name]
        assert default is not None, f"{name} has neither value nor default"
        return default

    pattern = r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}"
    return re.sub(pattern, value, str(text))


@pytest.mark.parametrize("service", OURS)
def test_our_services_get_settings_that_are_known_and_valid(
    compose: dict[str, Any], service: str
) -> None:
    given = compose["services"][service]["environment"]
    known = {f"PITBOSS_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    assert set(given) <= known
    settings = Settings.from_env({name: interpolate(v, FILLED_IN) for name, v in given.items()})
    assert settings.environment == "production"
    assert not settings.mock_provider


def test_every_variable_to_fill_in_is_in_the_example(compose: dict[str, Any]) -> None:
    wanted = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))
    example = (ROOT / "compose.env.example").read_text()
    assert wanted == set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == set(FILLED_IN)


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        _, _, tag = service["image"].rpartition(":")
        assert tag not in ("", "latest"), name
        assert re.match(r"\d", tag), name


@pytest.mark.parametrize("service", OURS)
def test_commands_are_modules_of_ours(compose: dict[str, Any], service: str) -> None:
    python, option, module = compose["services"][service]["command"][:3]
    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(module)


def test_every_server_is_checked_before_it_is_used(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert name == "migrate" or "test" in service["healthcheck"], name
        for other, how in service.get("depends_on", {}).items():
            once = other == "migrate"
            wanted = "service_completed_successfully" if once else "service_healthy"
            assert how["condition"] == wanted
            assert other in services


def test_the_published_port_is_the_one_served(compose: dict[str, Any]) -> None:
    api = compose["services"]["api"]
    assert api["ports"] == [f"127.0.0.1:8000:{api['environment']['PITBOSS_PORT']}"]


def test_the_image_gets_every_package() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text()
    for package in ("api", "ledger", "warehouse", "dashboards", "loadgen"):
        assert f"COPY {package} {package}" in dockerfile
        assert f"!{package}\n" in ignored
