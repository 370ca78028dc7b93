"""Affiliates: their terms, and the weekly statements of what they have earned. RULES §11.

A player belongs to at most one affiliate, named at registration and never changed; every bet says
whose it is. A statement covers an ISO week in UTC and is never edited: a bet rolled back after its
week was stated corrects the next statement.
"""

from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from ledger.database import Connection
from ledger.errors import Refusal
from ledger.named_sql import named_queries
from ledger.snapshot import ledger_snapshot
from ledger.weeks import Week

SQL = named_queries("affiliates.sql")
E4 = 10_000
MAX_WEEKS_A_RUN = 53


class AffiliateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """An affiliate's name and terms; ``rate_bps`` of what its players leave is its share."""

    code: str
    name: str
    rate_bps: int = 500
    carries_negative: bool = False
    active: bool = True


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What an affiliate's players left in a week, in minor units."""

    ggr: int
    bonus_cost: int

    @property
    def net(self) -> int:
        """GGR less bonus cost: what the affiliate has a share of."""
        return self.ggr - self.bonus_cost


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a week is worth to the affiliate; ``carried_out`` is what a bad week leaves to the
    next, never above zero."""

    amount: int
    carried_out: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A stored statement, in minor units of the operator's currency; ``week`` is its Monday."""

    week: date
    ggr: int
    bonus_cost: int
    correction: int
    carried_in: int
    rate_bps: int
    amount: int
    carried_out: int


def affiliate_share(
    figures: Figures,
    rate_bps: int,
    *,
    correction: int = 0,
    carried_in: int = 0,
    carries_negative: bool = False,
) -> Share:
    """The affiliate's part of a week: max(0, GGR - bonus cost) x rate, rounded down. Pure.

    The fraction of a minor unit stays with the operator. What a week lacks is carried into the
    next only if the terms say so.

    >>> affiliate_share(Figures(ggr=12_345, bonus_cost=2_000), 500)
    Share(amount=517, carried_out=0)
    >>> affiliate_share(Figures(ggr=-300, bonus_cost=0), 500, carries_negative=True)
    Share(amount=0, carried_out=-300)
    """
    base = figures.net + correction + carried_in
    carried_out = min(0, base) if carries_negative else 0
    return Share(amount=max(0, base) * rate_bps // E4, carried_out=carried_out)


async def state_affiliates(pool: asyncpg.Pool, last: Week, made_at: datetime | None = None) -> int:
    """Make every statement that is missing up to the week ``last``; returns how many were made.

    An affiliate's first statement is that of the week it was created in, or ``last`` if that is
    earlier. ``pool`` is the batch role's, ``made_at`` for statements of a past, None is now. Safe
    to repeat and to run in several processes.
    """
    due = await pool.fetch(SQL["due_affiliates"], last.monday)
    made = 0
    for affiliate in due:
        week = (
            Week(affiliate["last_week"]).following
            if affiliate["last_week"]
            else min(Week(affiliate["since_week"]), last)
        )
        async with ledger_snapshot(pool) as connection:
            made += await _state_weeks(connection, dict(affiliate), week, last, made_at)
    return made


async def _state_weeks(
    connection: Connection,
    affiliate: dict[str, Any],
    week: Week,
    last: Week,
    made_at: datetime | None,
) -> int:
    """State an affiliate's weeks one after the other, each on what the one before left."""
    key = (affiliate["operator_id"], affiliate["affiliate_id"])
    first = affiliate["last_week"] is None
    carried, known = affiliate["carried_out"], affiliate["net_rolled_back"]
    made = 0
    while week <= last and made < MAX_WEEKS_A_RUN:
        figures = await affiliate_figures(connection, *key, week)
        rolled_back = await _net_rolled_back(connection, key, week.start)
        correction = 0 if first else known - rolled_back
        share = affiliate_share(
            figures,
            affiliate["rate_bps"],
            correction=correction,
            carried_in=carried,
            carries_negative=affiliate["carries_negative"],
        )
        known = await _net_rolled_back(connection, key, week.end)
        stored = await connection.fetchval(
            SQL["insert_statement"],
            *key,
            week.monday,
            figures.ggr,
            figures.bonus_cost,
            correction,
            carried,
            affiliate["rate_bps"],
            share.amount,
            share.carried_out,
            known,
            made_at,
        )
        if stored is None:
            break  # another process states this affiliate, on the same ledger
        carried, first, week, made = share.carried_out, False, week.following, made + 1
    return made


async def _net_rolled_back(connection: Connection, key: tuple[int, int], before: datetime) -> int:
    """What the affiliate's bets before that moment which were rolled back had counted for."""
    return await connection.fetchval(SQL["net_rolled_back"], *key, before) or 0


async def affiliate_figures(
    connection: Connection, operator_id: int, affiliate_id: int, week: Week
) -> Figures:
    """What the affiliate's players left in a week, as the ledger knows it now."""
    row = await connection.fetchrow(
        SQL["affiliate_figures"], operator_id, affiliate_id, week.start, week.end
    )
    assert row is not None  # noqa: S101 - sums always have a row
    return Figures(**row)


async def create_affiliate(connection: Connection, operator_id: int, terms: AffiliateTerms) -> int:
    """A new affiliate of an operator; returns its id. In the operator's transaction.

    Raises :class:`Refusal` ``affiliate_exists`` if the code is taken, ``operator_not_found``.
    """
    try:
        return await connection.fetchval(  # pyright: ignore[reportReturnType]
            SQL["insert_affiliate"], operator_id, *msgspec.structs.astuple(terms)
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken() from error
    except asyncpg.ForeignKeyViolationError as error:
        raise Refusal("operator_not_found", "There is no such operator.") from error


async def change_affiliate(
    connection: Connection, operator_id: int, affiliate_id: int, terms: AffiliateTerms
) -> None:
    """Replace an affiliate's terms; they hold from the next statement on.

    Raises :class:`Refusal` ``affiliate_not_found`` or ``affiliate_exists``.
    """
    try:
        changed = await connection.fetchval(
            SQL["change_affiliate"], operator_id, affiliate_id, *msgspec.structs.astuple(terms)
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken() from error
    if changed is None:
        raise _unknown()


async def read_affiliates(
    connection: Connection, operator_id: int, affiliate_id: int | None = None
) -> list[Any]:
    """An operator's affiliates, or one of them, with how many players each has; rows by id.

    Raises :class:`Refusal` ``affiliate_not_found`` for an id that is not there.
    """
    rows = await connection.fetch(SQL["affiliates_with_players"], operator_id, affiliate_id)
    if affiliate_id is not None and not rows:
        raise _unknown()
    return rows


async def read_statements(
    connection: Connection,
    operator_id: int,
    affiliate_id: int,
    *,
    before: date | None = None,
    limit: int,
) -> list[Any]:
    """Statements of an affiliate as rows, newest first, those before a week's Monday."""
    return await connection.fetch(SQL["statements"], operator_id, affiliate_id, before, limit)


def _taken() -> Refusal:
    return Refusal("affiliate_exists", "This operator has an affiliate with this code.")


def _unknown() -> Refusal:
    return Refusal("affiliate_not_found", "There is no such affiliate.")
