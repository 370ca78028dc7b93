"""Settings: every bad variable is named at once, and no secret is repeated."""

import base64

import pytest

from api.settings import Settings, SettingsError

GOOD = {
    "PITBOSS_POSTGRES_URL": "postgresql://owner:hidden-password@127.0.0.1:5432/pitboss",
    "PITBOSS_REDIS_URL": "redis://:hidden-password@127.0.0.1:6379/0",
    "PITBOSS_CLICKHOUSE_URL": "http://writer:hidden-password@127.0.0.1:8123/pitboss",
    "PITBOSS_SECRET_KEY": "hidden-secret-key-of-forty-characters-ok",
    "PITBOSS_WEBHOOK_SECRET_MOCK": "whsec_" + base64.b64encode(b"x" * 24).decode(),
}


def test_defaults_are_those_of_development() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.port == 8000
    assert settings.environment == "development"
    assert not settings.mock_provider


def test_every_problem_is_reported_at_once() -> None:
    bad = {"PITBOSS_PORT": "eighty", "PITBOSS_LOG_LEVEL": "loud", "PITBOSS_SECRET_KEY": "short"}
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(bad)
    text = str(raised.value)
    for name in ("POSTGRES_URL", "REDIS_URL", "CLICKHOUSE_URL", "WEBHOOK_SECRET_MOCK"):
        assert f"PITBOSS_{name}: is required" in text
    for name in ("PORT", "LOG_LEVEL", "SECRET_KEY"):
        assert f"PITBOSS_{name}: must" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_URL", "mysql://owner:hidden-password@host/db"),
        ("REDIS_URL", "redis://"),
        ("CLICKHOUSE_URL", "hidden-password"),
        ("SECRET_KEY", "hidden-secret"),
        ("WEBHOOK_SECRET_MOCK", "whsec_hidden!"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8²"),
        ("MOCK_PROVIDER", "perhaps"),
        ("PUBLIC_URL", "pitboss.example"),
        ("ENVIRONMENT", "staging"),
        ("SESSION_HOURS", "-1"),
    ],
)
def test_bad_values_are_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(GOOD | {f"PITBOSS_{name}": value})
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(f"PITBOSS_{name}: must")
    assert "hidden" not in str(raised.value)


def test_mock_provider_is_not_for_production() -> None:
    mixed = GOOD | {"PITBOSS_ENVIRONMENT": "production", "PITBOSS_MOCK_PROVIDER": "1"}
    with pytest.raises(SettingsError, match="PITBOSS_MOCK_PROVIDER"):
        Settings.from_env(mixed)


def test_url_loses_its_last_slash() -> None:
    settings = Settings.from_env(GOOD | {"PITBOSS_PUBLIC_URL": "https://play.example/"})
    assert settings.public_url == "https://play.example"
