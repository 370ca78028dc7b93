"""The OpenAPI document, made true to the contract in one place.

Litestar knows each route's parameters, bodies and answers. What holds for all routes alike is added
here: problem documents by status, who may ask and how they prove it, the key that money commands
need, and examples that work as they stand.
"""

from collections.abc import Iterator
from typing import Any

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.routes import HTTPRoute

from api.authentication import CSRF_HEADER, SAFE_METHODS, SESSION_COOKIE
from api.openapi_examples import EXAMPLES
from api.tenancy import requires_operator, requires_platform, requires_player, requires_session

Schema = dict[str, Any]

TAGS = {
    "auth": "Registration, login, and who is asking.",
    "games": "What an operator offers; public.",
    "play": "Spins, and the player's own bets with what verifies them.",
    "wallet": "The player's balances and what has moved in them.",
    "payments": "Deposits, paid at a provider.",
    "rewards": "Bonuses, free spins, VIP standing and jackpots.",
    "fairness": "The seeds that bets are drawn from.",
    "operator": "An operator's transactions and players.",
    "analytics": "An operator's figures, from the warehouse.",
    "platform": "Operators, catalogue and players, for platform admins.",
    "webhooks": "What payment providers call.",
    "health": "For those who run the platform.",
}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA: Schema = {
    "title": "Problem",
    "type": "object",
    "description": "A problem document (RFC 9457). Further members tell facts of the case.",
    "required": ["type", "title", "status", "code", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:pitboss:problem:insufficient_funds"]},
        "title": {"type": "string", "examples": ["Insufficient funds"]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "examples": [422]},
        "code": {
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
            "description": "Stable: programs decide by this",
            "examples": ["insufficient_funds"],
        },
        "detail": {"type": "string", "description": "A sentence for a person"},
        "instance": {"type": "string", "description": "The path that was asked"},
        "request_id": {"type": "string", "description": "Also in the header X-Request-ID"},
        "errors": {
            "type": "array",
            "description": "With validation_failed: what is wrong where",
            "items": {"type": "object", "additionalProperties": True},
        },
    },
    "additionalProperties": True,
}
SENTENCES = {
    400: "What was sent cannot be read: `malformed_body`, `validation_failed` …",
    401: "Nobody, or nobody known, is asking: `not_authenticated` …",
    403: "Not for this role, or without proof of intent: `forbidden`, `csrf_failed` …",
    404: "No such thing, or not one of yours: `…_not_found`",
    409: "It clashes with what there is: `…_taken`, `…_exists` …",
    413: "The body is larger than 1 MiB: `body_too_large`",
    415: "The body must be application/json: `unsupported_media_type`",
    422: "Well-formed, but refused by a rule: `insufficient_funds`, `idempotency_key_reused` …",
    429: "Too many requests: `rate_limited`, with Retry-After",
    503: "A store is away or busy; ask again with the same key: `unavailable` …",
}
OPERATOR_PARAMETER: Schema = {
    "name": "operator_id",
    "in": "query",
    "required": False,
    "description": "Platform admins name the operator; every such call is audited",
    "schema": {"type": "integer", "minimum": 1, "maximum": 32767},
}
NAMES_SOMETHING = (
    "/operator",
    "/games",
    "/game/spin",
    "/admin/players",
    "/admin/games",
    "/admin/bets",
)
"""Paths below which something other than the path's own parameters may be unknown."""

GUARDS = {requires_session, requires_player, requires_operator, requires_platform}


class ContractJson(JsonRenderPlugin):
    """Serves the completed document at ``/schema/openapi.json``."""

    def __init__(self) -> None:
        super().__init__()
        self._text: bytes | None = None

    def render(self, request: Request, openapi_schema: Schema) -> bytes:
        """The document as JSON, completed when first asked for."""
        if self._text is None:
            self._text = self.render_json(request, document(request.app))
        return self._text


def document(app: Litestar) -> Schema:
    """The application's OpenAPI 3.1 document as plain data."""
    schema: Schema = app.openapi_schema.to_schema()
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in schema["paths"]:
            operations = schema["paths"][route.path_format]
            for method, (handler, _) in route.route_handler_map.items():
                if method.lower() in operations:
                    _complete(operations[method.lower()], method, route.path_format, handler)
    _shorten_names(schema)
    _flatten_tuples(schema)
    _translate_patterns(schema)
    schema["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    return schema


def base_config(**more: Any) -> OpenAPIConfig:
    """What the document says of itself; ``more`` is how it is served."""
    return OpenAPIConfig(
        title="Pitboss",
        version="1",
        summary="Multi-operator casino platform",
        description="Amounts are integers in minor units of the currency beside them; times are "
        "RFC 3339 in UTC; lists come in pages with an opaque cursor; errors are problem documents.",
        use_handler_docstrings=True,
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        security=[{"bearer": []}, {"cookie": []}],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description='The token of a login with `"transport": "bearer"`',
                ),
                "cookie": SecurityScheme(
                    type="apiKey",
                    security_scheme_in="cookie",
                    name=SESSION_COOKIE,
                    description="Set by a login with the cookie transport",
                ),
                "csrf": SecurityScheme(
                    type="apiKey",
                    security_scheme_in="header",
                    name=CSRF_HEADER,
                    description="`csrf_token` of login or GET /auth/me; beside the cookie, "
                    "for every method but GET",
                ),
            }
        ),
        **more,
    )


def _complete(operation: Schema, method: str, path: str, handler: HTTPRouteHandler) -> None:
    needs_session = bool(GUARDS & set(handler.resolve_guards())) or bool(handler.opt.get("player"))
    operation["security"] = _security(method) if needs_session else []
    _require_key(operation)
    if path.startswith("/operator"):
        operation.setdefault("parameters", []).append(OPERATOR_PARAMETER)
    _describe_body(operation, method, path)
    responses = operation["responses"]
    responses.pop("400", None)  # in the framework's own form
    for status in sorted(_statuses(operation, method, path, needs_session)):
        responses[str(status)] = {
            "description": SENTENCES[status],
            "content": {"application/problem+json": {"schema": PROBLEM}},
        }
    if "204" in responses:
        responses["204"].pop("content", None)
    if path == "/health/ready":
        responses["503"] = {**responses["200"], "description": "Cannot take bets at the moment"}


def _security(method: str) -> list[dict[str, list[str]]]:
    by_cookie = {"cookie": []} if method in SAFE_METHODS else {"cookie": [], "csrf": []}
    return [{"bearer": []}, by_cookie]


def _require_key(operation: Schema) -> None:
    """Money commands refuse a request without the key; the handler says so itself, by its code."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "Idempotency-Key":
            parameter["required"] = True
            parameter["schema"] = {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": r"^[\x20-\x7e]+$",
            }
            parameter["example"] = "01926c3e-7a54-7c1e-9f0a-5a1d5f0c8b11"
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    response.setdefault("headers", {})["Idempotent-Replayed"] = {
                        "description": "`true` when this is the stored answer to a repeat",
                        "schema": {"type": "string", "enum": ["true"]},
                    }


def _describe_body(operation: Schema, method: str, path: str) -> None:
    example = EXAMPLES.get((method, path))
    if example is None:
        return
    body = operation.setdefault("requestBody", {"required": True, "content": {}})
    body["content"].setdefault("application/json", {"schema": {"type": "object"}})
    body["content"]["application/json"]["example"] = example


def _statuses(operation: Schema, method: str, path: str, needs_session: bool) -> set[int]:
    """The problems this operation may answer with."""
    has_body = "requestBody" in operation
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    opens_account = path in ("/auth/login", "/auth/register")
    by_rule = {
        400: has_body or bool(places),
        401: needs_session or path == "/auth/login" or path.startswith("/webhooks"),
        403: needs_session or opens_account or path.startswith("/games"),
        404: "path" in places or opens_account or path.startswith(NAMES_SOMETHING),
        409: has_body and path.startswith(("/admin", "/auth/register", "/webhooks")),
        413: has_body,
        415: opens_account,
        422: has_body,
        429: opens_account,
        503: path != "/health/live",
    }
    return {status for status, applies in by_rule.items() if applies}


def _shorten_names(schema: Schema) -> None:
    """Give generic components a readable name: ``Page_ledger.wallets.BetView_`` → ``BetViewPage``.

    References are rewritten where they stand.
    """
    schemas = schema["components"]["schemas"]
    renamed = {}
    for name in [name for name in schemas if "." in name]:
        generic, _, argument = name.rstrip("_").partition("_")
        renamed[name] = f"{argument.rpartition('.')[2]}{generic}"
        schemas[renamed[name]] = schemas.pop(name) | {"title": renamed[name]}
    _rename(schema, {f"#/components/schemas/{old}": new for old, new in renamed.items()})


def _rename(node: Any, names: dict[str, str]) -> None:
    for child in _nodes(node):
        reference = child.get("$ref")
        if reference in names:
            child["$ref"] = f"#/components/schemas/{names[reference]}"


def _flatten_tuples(schema: Schema) -> None:
    """Tuples of one type as arrays of a fixed length: fewer tools know ``prefixItems``."""
    for node in _nodes(schema):
        parts = node.get("prefixItems")
        if parts and all(part == parts[0] for part in parts):
            del node["prefixItems"]
            node |= {"items": parts[0], "minItems": len(parts), "maxItems": len(parts)}


def _translate_patterns(schema: Schema) -> None:
    r"""Python's ``\Z`` is ECMA's ``$``, in which the document's patterns are written."""
    for node in _nodes(schema):
        pattern = node.get("pattern")
        if isinstance(pattern, str) and pattern.endswith(r"\Z"):
            node["pattern"] = pattern.removesuffix(r"\Z") + "$"


def _nodes(node: Any) -> Iterator[Schema]:
    """Every object below ``node``, itself included."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _nodes(child)
