"""Questions to the API about a played history, asked as the two brands' admins ask them."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.support.api import Api, served, settings_for
from tests.support.history import History
from tests.support.world import World
from warehouse.filters import Filters

Query = dict[str, str | int]


class Asked:
    """A running API with a session of each brand's admin."""

    def __init__(self, api: Api, sessions: dict[int, dict[str, str]]) -> None:
        self.api = api
        self._sessions = sessions

    async def get(self, brand: int, path: str, query: Query) -> dict[str, Any]:
        """The JSON below ``/operator``."""
        return (await self._answer(brand, path, query)).json()

    async def pages(self, brand: int, path: str, query: Query) -> list[list[dict[str, Any]]]:
        """The items of every page of a list, followed by its cursors to the end."""
        found = []
        cursor: Query = {}
        while True:
            page = await self.get(brand, path, query | cursor)
            found.append(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def csv(self, brand: int, report: str, query: Query) -> list[dict[str, str]]:
        """The rows of an export by column."""
        text = (await self._answer(brand, f"/export/{report}.csv", query)).text
        return list(csv.DictReader(io.StringIO(text, newline="")))

    async def _answer(self, brand: int, path: str, query: Query) -> Any:
        answer = await self.api.client.get(
            f"/operator{path}", headers=self._sessions[brand], params=query
        )
        assert answer.status_code == 200, f"{path} {query}: {answer.text}"
        return answer


@asynccontextmanager
async def asking(
    world: World, history: History, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Asked]:
    """The API on these stores, until the block ends."""
    async with served(world, settings_for(world, redis_url, clickhouse_url=clickhouse_url)) as api:
        sessions = {}
        for brand, name in zip(history.brands, ("strict", "mixed"), strict=True):
            await api.add_operator_admin(f"boss-{name}", brand)
            sessions[brand] = await api.log_in(f"boss-{name}", f"machine-{name}")
        yield Asked(api, sessions)


def query_of(start: datetime, end: datetime, limits: Filters) -> Query:
    """A period and filters as a client writes them; those that are off are left out."""
    given = {name: value for name, value in msgspec.structs.asdict(limits).items() if value}
    return {
        "from": start.astimezone(UTC).isoformat(),
        "to": end.astimezone(UTC).isoformat(),
        **{name: str(value) for name, value in given.items() if name != "include_bots"},
        "include_bots": str(limits.include_bots).lower(),
    }


def shown(value: Any) -> str:
    """A value of JSON as a cell of an export."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() if value.startswith(tuple("=+-@")):
            return f"'{value}"
        case _:
            return str(value)
