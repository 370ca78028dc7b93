"""What the analyst may run: nothing, until each kind of statement is allowed here."""

from __future__ import annotations
from warehouse.gateway.engine import Engine
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.statement import Statement


class Guard:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def allowed(self, parsed: Statement, request: QueryRequest) -> Statement:
        raise GatewayError("ACCESS_DENIED", "Not enough privileges")
