"""The OpenAPI document says what the API does."""

from typing import Any

import msgspec
import pytest
import schemathesis
from litestar.routes import HTTPRoute

from api.commands.openapi import unconnected_app
from api.openapi import document
from api.openapi_examples import EXAMPLES
from tests.support.api import Api

APP = unconnected_app()
DOCUMENT = document(APP)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    known = {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(set(operation["tags"]) <= known for _, _, operation in operations())


def test_every_problem_is_a_problem_document() -> None:
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            if status >= "400" and path != "/health/ready":
                assert list(response["content"]) == ["application/problem+json"], (method, path)


def test_what_needs_a_session_says_how_to_prove_it() -> None:
    public = {path for _, path, operation in operations() if operation["security"] == []}
    assert public == {
        *("/auth/register", "/auth/login", "/games", "/games/{game_id}", "/jackpots"),
        *("/webhooks/payments/{provider}", "/health/live", "/health/ready"),
    }
    for method, path, operation in operations():
        if path not in public:
            by_cookie = {"cookie": []} if method == "GET" else {"cookie": [], "csrf": []}
            assert operation["security"] == [{"bearer": []}, by_cookie], (method, path)
            assert {"401", "403"} <= operation["responses"].keys()


@pytest.mark.parametrize("path", ["/game/spin", "/deposits", "/withdrawals"])
def test_money_commands_require_the_key(path: str) -> None:
    [key] = DOCUMENT["paths"][path]["post"]["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)


@pytest.mark.parametrize(("method", "path"), EXAMPLES)
def test_examples_are_what_the_handlers_take(method: str, path: str) -> None:
    route = next(
        route for route in APP.routes if isinstance(route, HTTPRoute) and route.path_format == path
    )
    handler, _ = route.route_handler_map[method]  # type: ignore[index]
    field = handler.parsed_data_field
    if field is not None:  # the webhook's body is read once its signature is known
        msgspec.json.decode(msgspec.json.encode(EXAMPLES[method, path]), type=field.annotation)
    shown = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
    assert shown["example"] == EXAMPLES[method, path]


async def test_served_document_is_the_same(api: Api) -> None:
    served = await api.client.get("/schema/openapi.json")
    assert served.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    assert served.json() == msgspec.json.decode(msgspec.json.encode(DOCUMENT))
