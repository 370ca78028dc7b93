"""The back office's access to the catalogue and the operators: SQLAlchemy as the tenant role."""

from typing import Annotated, Any

import msgspec
from advanced_alchemy.filters import LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from advanced_alchemy.repository.typing import ModelT
from litestar import Request
from sqlalchemy import SmallInteger, func, insert
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from api.audit import actor_of
from api.pagination import Page, decode_cursor, make_page
from ledger.database import Role, role_dsn
from ledger.models import AuditEntry, Game, GameCategory, Operator

BackOffice = async_sessionmaker[AsyncSession]
"""``async with back_office.begin() as session`` is one transaction, committed at its end."""


def open_engine(owner_url: str, secret_key: str) -> AsyncEngine:
    """An engine for a few connections; admins are few and their forms are small."""
    dsn = make_url(role_dsn(owner_url, Role.APP, secret_key))
    return create_async_engine(
        dsn.set(drivername="postgresql+asyncpg"),
        pool_size=1,
        max_overflow=3,
        pool_pre_ping=True,
        connect_args={"server_settings": {"timezone": "UTC", "application_name": "back-office"}},
        hide_parameters=True,
    )


def open_back_office(engine: AsyncEngine) -> BackOffice:
    """Sessions whose rows can still be read after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


class Repository(SQLAlchemyAsyncRepository[ModelT]):
    """Rows of one table. Errors are the driver's own: ``api.problems`` knows its constraints."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session=session, wrap_exceptions=False)


class Operators(Repository[Operator]):
    """Every operator."""

    model_type = Operator


class Categories(Repository[GameCategory]):
    """Every game category."""

    model_type = GameCategory


class Games(Repository[Game]):
    """Every game, active or not."""

    model_type = Game


async def page_by_id(
    repository: Any, column: Any, item: Any, limit: int, cursor: str | None
) -> Page[Any]:
    """A page of a repository's rows in the order of their number."""
    end = 2**15 if isinstance(column.type, SmallInteger) else 2**31
    after = decode_cursor(cursor, Annotated[int, msgspec.Meta(ge=1, lt=end)])
    filters = [column > after[0]] if after else []
    rows = await repository.get_many(
        *filters, OrderBy(column.key), LimitOffset(limit=limit + 1, offset=0)
    )
    return make_page(rows, limit, key=lambda row: (getattr(row, column.key),), item=item)


def change(row: Operator | Game, values: dict[str, Any]) -> dict[str, Any]:
    """Put ``values`` on the row; returns what was changed, for the audit trail.

    An actual change counts up the row's version, which the warehouse orders by.
    """
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.version += 1
        row.updated_at = func.now()  # type: ignore[assignment]
    return changed


async def record(
    session: AsyncSession,
    request: Request,
    action: str,
    *,
    operator_id: int | None = None,
    target: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write an audit row in the session's transaction.

    Inline, without RETURNING: this role may append to the trail and not read it back.
    """
    values = {
        "operator_id": operator_id,
        "action": action,
        "target": target,
        "detail": detail or {},
        **actor_of(request),
    }
    await session.execute(insert(AuditEntry).values(values).inline())
