"""Errors as problem documents (RFC 9457) with a stable ``code``.

Routes raise ``Problem``; rules raise ``ledger.errors.Refusal``, whose code is looked up in
``STATUS_BY_CODE``. Nothing else of an error reaches the client: an unforeseen exception is
``internal_error`` and its cause is in the log under the same request id.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import redis.exceptions
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.plugins.problem_details import (
    ProblemDetailsConfig,
    ProblemDetailsException,
    ProblemDetailsPlugin,
)
from sqlalchemy.exc import DBAPIError

from api.connection import request_id_of
from ledger.errors import Refusal
from warehouse.client import WarehouseUnavailable

STATUS_BY_CODE: dict[str, int] = {
    # 400: what was sent cannot be read
    "malformed_body": 400,
    "validation_failed": 400,
    "invalid_cursor": 400,
    "invalid_range": 400,
    "too_many_points": 400,
    "filter_not_supported": 400,
    "idempotency_key_missing": 400,
    "idempotency_key_invalid": 400,
    "operator_required": 400,
    # 401, 403: who is asking
    "not_authenticated": 401,
    "webhook_signature_invalid": 401,
    "invalid_credentials": 401,
    "csrf_failed": 403,
    "cross_origin": 403,
    "forbidden": 403,
    "account_blocked": 403,
    "account_closed": 403,
    "self_excluded": 403,
    "operator_inactive": 403,
    # 404: no such thing, or not one of yours
    "not_found": 404,
    "operator_not_found": 404,
    "category_not_found": 404,
    "game_not_found": 404,
    "player_not_found": 404,
    "bet_not_found": 404,
    "transaction_not_found": 404,
    "provider_not_found": 404,
    "deposit_not_found": 404,
    "withdrawal_not_found": 404,
    "bonus_not_found": 404,
    "affiliate_not_found": 404,
    "job_not_found": 404,
    "rtp_alert_not_found": 404,
    # 409: it clashes with what there is
    "login_taken": 409,
    "operator_exists": 409,
    "category_exists": 409,
    "game_exists": 409,
    "host_taken": 409,
    "conflict": 409,
    "transaction_finished": 409,
    "withdrawal_not_pending": 409,
    "payout_not_approved": 409,
    "jackpot_exists": 409,
    "affiliate_exists": 409,
    "job_running": 409,
    "rtp_alert_acknowledged": 409,
    "bet_already_rolled_back": 409,
    "bet_hit_jackpot": 409,
    "bet_rolled_back": 409,
    # 429, 5xx
    "rate_limited": 429,
    "internal_error": 500,
    "unavailable": 503,
    "overloaded": 503,
    "ledger_unavailable": 503,
    "wallet_busy": 503,
    "warehouse_unavailable": 503,
}
"""A code that is not listed is a rule's refusal of a well-formed request: 422."""

_CODE_BY_STATUS: dict[int, str] = {
    400: "validation_failed",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}


class Problem(ProblemDetailsException):
    """A problem to answer with; ``facts`` become further members of the document.

    ``status`` defaults to the code's own in ``STATUS_BY_CODE``. ``detail`` is a sentence for the
    person who asked and must not name internals.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **facts: Any,
    ) -> None:
        status = status or STATUS_BY_CODE.get(code, 422)
        super().__init__(
            detail=detail,
            status_code=status,
            headers=headers,
            type_=f"urn:pitboss:problem:{code}",
            title=code.replace("_", " ").capitalize(),
            extra=facts,
        )
        self.code = code

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """The problem document, with the id under which the log knows this request."""
        document = problem_document(self, request.scope)
        return Response(
            document,
            status_code=self.status_code,
            headers=self.headers,
            media_type="application/problem+json",
        )


def problem_document(problem: Problem, scope: Any) -> dict[str, Any]:
    """The members of the problem document; facts come last and cannot replace the standard ones."""
    document: dict[str, Any] = {
        "type": problem.type_,
        "title": problem.title,
        "status": problem.status_code,
        "code": problem.code,
        "detail": problem.detail,
        "instance": scope["path"],
        "request_id": request_id_of(scope),
    }
    facts: Mapping[str, Any] = problem.extra if isinstance(problem.extra, Mapping) else {}
    return {**document, **facts, **document}


def from_refusal(refusal: Refusal) -> Problem:
    """A rule's refusal under the status of its code."""
    return Problem(refusal.code, refusal.detail, **refusal.facts)


def from_http_exception(error: HTTPException) -> Problem:
    """The framework's own errors: unknown paths and methods, unreadable or invalid input.

    Litestar puts the sentence where RFC 9457 has the title; here it becomes the detail, and the
    list of invalid fields becomes ``errors``.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationException):
        return Problem(
            "validation_failed",
            "The request does not have the form that this endpoint takes.",
            errors=_invalid_fields(error.extra),
        )
    status = error.status_code
    if status == HTTPStatus.BAD_REQUEST and isinstance(error.__cause__, Exception):
        return Problem("malformed_body", "The request body cannot be read.")
    if status >= 500 and status != HTTPStatus.SERVICE_UNAVAILABLE:
        return from_exception(error)
    code = _CODE_BY_STATUS.get(status, "request_refused")
    return Problem(code, _SENTENCES.get(status, str(error.detail)), status, headers=error.headers)


_SENTENCES = {
    401: "Log in first.",
    403: "Your account may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}


def _invalid_fields(extra: Any) -> list[dict[str, Any]]:
    entries = extra if isinstance(extra, list) else []
    return [
        {
            "field": entry.get("key"),
            "in": getattr(entry.get("source"), "value", entry.get("source")) or "body",
            "message": entry.get("message"),
        }
        for entry in entries
        if isinstance(entry, dict)
    ]


def from_exception(_: Exception) -> Problem:
    """Anything unforeseen: the client learns only that it was not its fault."""
    return Problem("internal_error", "Something went wrong on our side; it has been recorded.")


def from_unstorable_text(_: Exception) -> Problem:
    """A NUL in a text: JSON and URLs can carry it, Postgres cannot."""
    return Problem("validation_failed", "A text contains a character that cannot be stored.")


def from_outage(_: Exception) -> Problem:
    """A store that cannot be reached right now."""
    return Problem(
        "unavailable",
        "A part of the platform is restarting; nothing was changed that you were not told of. "
        "Try again shortly with the same Idempotency-Key.",
        headers={"Retry-After": "1"},
    )


TAKEN_BY_CONSTRAINT = {
    "operator_slug_key": ("operator_exists", "There is an operator with this slug."),
    "operator_host_key": ("host_taken", "Another operator has this host."),
    "game_category_slug_key": ("category_exists", "There is a category with this slug."),
    "game_slug_key": ("game_exists", "There is a game with this slug."),
}
"""What a breach of a unique constraint of the back office's tables means."""


def from_database_error(error: DBAPIError) -> Problem:
    """An error through SQLAlchemy: something taken, an outage, or one of ours."""
    cause = getattr(error.orig, "__cause__", None)
    if isinstance(cause, OUTAGES) or error.connection_invalidated:
        return from_outage(error)
    if isinstance(cause, asyncpg.CharacterNotInRepertoireError):
        return from_unstorable_text(error)
    taken = TAKEN_BY_CONSTRAINT.get(getattr(cause, "constraint_name", None) or "")
    return Problem(*taken) if taken else from_exception(error)


def from_warehouse_outage(_: Exception) -> Problem:
    """ClickHouse is away: numbers are late, games are not."""
    return Problem(
        "warehouse_unavailable",
        "The analytics store cannot be asked right now; try again shortly.",
        headers={"Retry-After": "2"},
    )


OUTAGES: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    ConnectionError,
    TimeoutError,
)
"""What the drivers raise when a store is away or restarting."""


def problem_details_plugin() -> ProblemDetailsPlugin:
    """Litestar's plugin with every exception mapped to a ``Problem``."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(
            exception_to_problem_detail_map={
                Refusal: from_refusal,
                HTTPException: from_http_exception,
                **dict.fromkeys(OUTAGES, from_outage),
                DBAPIError: from_database_error,
                WarehouseUnavailable: from_warehouse_outage,
                asyncpg.CharacterNotInRepertoireError: from_unstorable_text,
                Exception: from_exception,
            }
        )
    )
