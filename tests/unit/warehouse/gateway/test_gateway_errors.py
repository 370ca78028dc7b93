"""What the engine says, read back into code, name and message."""

from __future__ import annotations

import time

import pytest

from warehouse.gateway.errors import from_engine


@pytest.mark.parametrize(
    ("text", "code", "name", "message"),
    [
        ("Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)", 60, "UNKNOWN_TABLE", "No table."),
        (
            "Code: 73. DB::Exception: Unknown format X. (UNKNOWN_FORMAT) (version 26.9.2.1)."
            " (UNKNOWN_FORMAT) (version 26.9.2.1). (UNKNOWN_FORMAT) (version 26.9.2.1)",
            73,
            "UNKNOWN_FORMAT",
            "Unknown format X.",
        ),
        (
            "Code: 395. DB::Exception: mine (MY_NAME) (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
            395,
            "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
            "mine (MY_NAME)",
        ),
        ("Code: 159. DB::Exception: no name at all", 159, "STD_EXCEPTION", "no name at all"),
    ],
)
def test_name_and_version_are_told_once(text: str, code: int, name: str, message: str) -> None:
    error = from_engine(RuntimeError(text))
    assert (error.code, error.name, error.message) == (code, name, message)


@pytest.mark.parametrize(
    "message", ["(AAAA)" + " " * 300_000 + "x", "(A" * 150_000, "(AAAA) (version " * 20_000]
)
def test_no_message_takes_long_to_read(message: str) -> None:
    """A query can make any message, with throwIf."""
    began = time.monotonic()
    error = from_engine(RuntimeError(f"Code: 395. DB::Exception: {message} (THROWN)"))
    assert time.monotonic() - began < 1
    assert (error.name, error.message) == ("THROWN", message.rstrip())
