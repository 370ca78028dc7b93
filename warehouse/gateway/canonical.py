"""A statement as the engine itself writes it, from what it parsed."""

from __future__ import annotations

from warehouse.gateway.engine import Engine, quote_string
from warehouse.gateway.errors import GatewayError


async def canonical(engine: Engine, text: bytes) -> bytes:
    """The one statement in `text`, without comments, in the engine's own words.

    Raises GatewayError SYNTAX_ERROR and what else the engine has against it.
    """
    try:
        sql = f"SELECT formatQuery({quote_string(text.decode())})"
    except UnicodeDecodeError:
        raise GatewayError("SYNTAX_ERROR", "The query is not UTF-8") from None
    try:
        formatted = await engine.control(sql)
    except GatewayError as error:
        message = error.message.partition(": In scope SELECT formatQuery(")[0]
        raise GatewayError(error.name, message, code=error.code) from None
    return formatted.removesuffix(b"\n")
