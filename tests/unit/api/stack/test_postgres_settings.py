"""The configuration that Postgres is given."""

from hypothesis import given
from hypothesis import strategies as st

from api.stack import postgres_settings

PLAIN_TEXT = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)


def unquote(line: str) -> str:
    """What PostgreSQL's configuration scanner makes of a quoted value (guc-file.l)."""
    quoted = line.partition(" = ")[2]
    assert quoted[0] == quoted[-1] == "'"
    return quoted[1:-1].replace("''", "'").replace("\\\\", "\\")


@given(PLAIN_TEXT)
def test_any_value_survives_its_quotes(value: str) -> None:
    line = postgres_settings.render({"name": value}).splitlines()[-1]
    assert unquote(line) == value


def test_what_was_answered_is_on_disk() -> None:
    settings = postgres_settings.DURABLE
    assert settings["fsync"] == settings["synchronous_commit"] == "on"
    assert settings["full_page_writes"] == "on"
    assert settings["listen_addresses"] == "127.0.0.1"
