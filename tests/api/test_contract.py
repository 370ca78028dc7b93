"""Requests made up from the OpenAPI document: whatever is sent, the API answers as it says there.

No answer may be a server error; its status must be documented, its media type and body as declared.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.commands.openapi import unconnected_app
from api.openapi import document
from tests.support.api import Api, served, settings_for
from tests.support.world import World

SCHEMA = schemathesis.openapi.from_dict(document(unconnected_app()))
OPERATIONS = {
    f"{method.upper()} {path}": SCHEMA[path][method] for path in SCHEMA for method in SCHEMA[path]
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""Requests of each kind and endpoint; enough for every field to be left out and mistyped."""


class Door:
    """The running API and who may go in where."""

    def __init__(self, api: Api, sessions: dict[str, dict[str, str]]) -> None:
        self.base_url = api.base_url
        self._sessions = sessions

    def headers_for(self, path: str) -> dict[str, str]:
        if path.startswith("/admin"):
            return self._sessions["platform"]
        return self._sessions["operator" if path.startswith("/operator") else "player"]


@pytest.fixture(scope="module")
async def door(world: World, clean_redis_url: str, clickhouse_url: str) -> AsyncIterator[Door]:
    """With an analytics store, and limits that these many logins do not meet."""
    configured = settings_for(
        world,
        clean_redis_url,
        clickhouse_url=clickhouse_url,
        login_failures=1000,
        auth_requests_per_minute=100_000,
    )
    async with served(world, configured) as api:
        await api.register("fuzzer")
        await api.add_operator_admin("fuzzadmin", world.operators[0])
        sessions = {
            "player": await api.log_in("fuzzer", "alpha"),
            "operator": await api.log_in("fuzzadmin", "alpha"),
            "platform": await api.log_in("root"),
        }
        yield Door(api, sessions)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_answers_are_as_documented(door: Door, name: str) -> None:
    # In a thread of its own: hypothesis blocks, and the API runs in this event loop.
    await asyncio.to_thread(ask_much, door, name)


def ask_much(door: Door, name: str) -> None:
    """Requests that fit the document, then ones that do not."""
    operation = OPERATIONS[name]
    modes = [GenerationMode.POSITIVE]
    if operation.body or list(operation.iter_parameters()):
        modes.append(GenerationMode.NEGATIVE)
    with requests.Session() as session:
        for mode in modes:
            ask(door, operation, mode, session)


def ask(door: Door, operation: Any, mode: GenerationMode, session: requests.Session) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def one(case: Case) -> None:
        headers = {} if case.path.startswith("/auth/log") else door.headers_for(case.path)
        case.call_and_validate(door.base_url, session=session, headers=headers, checks=CHECKS)

    one()
