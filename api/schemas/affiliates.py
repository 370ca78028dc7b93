"""JSON of affiliates; amounts are minor units of the operator's currency."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from api.schemas.fields import BasisPoints, Name, rfc3339
from api.schemas.reports import ReportHead
from warehouse.queries import AffiliateFigures

Code = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,31}\Z",
        description="What players name when they register",
        examples=["spring-2026"],
    ),
]


class AffiliateForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An affiliate's terms: ``rate_bps`` of what its players leave, week by week.

    With ``carries_negative`` a week in which they won is set off against the next ones.
    """

    code: Code
    name: Name
    rate_bps: BasisPoints = 500
    carries_negative: bool = False
    active: bool = True


class AffiliateView(msgspec.Struct, frozen=True, kw_only=True):
    """An affiliate, and how many players it has brought."""

    affiliate_id: int
    operator_id: int
    code: str
    name: str
    rate_bps: int
    carries_negative: bool
    active: bool
    players: int
    created_at: str


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A weekly statement: max(0, ggr - bonus_cost + correction + carried_in) x rate, rounded down.

    ``week`` is the Monday of the ISO week, UTC. ``correction`` is for bets of earlier weeks that
    were rolled back after their statement. ``carried_out`` is taken into the next week.
    """

    week: str
    currency: str
    ggr: int
    bonus_cost: int
    correction: int
    carried_in: int
    rate_bps: int
    amount: int
    carried_out: int
    created_at: str


class AffiliateItem(msgspec.Struct, frozen=True, kw_only=True):
    """What an affiliate's players left: ``net`` is GGR less bonus cost, before corrections."""

    affiliate_id: int
    code: str
    name: str
    players: int
    bets: int
    total_wagered: int
    ggr: int
    bonus_cost: int
    net: int


class AffiliatesReport(ReportHead, frozen=True, kw_only=True):
    """Every affiliate in a period; an ISO week's figures are those of its statement."""

    items: list[AffiliateItem]


def affiliate_item(row: Mapping[str, Any], figures: AffiliateFigures | None) -> AffiliateItem:
    """An affiliate's row with its figures; without any, zeros."""
    return AffiliateItem(
        affiliate_id=row["affiliate_id"],
        code=row["code"],
        name=row["name"],
        players=figures.players if figures else 0,
        bets=figures.bets if figures else 0,
        total_wagered=figures.wager if figures else 0,
        ggr=figures.ggr if figures else 0,
        bonus_cost=figures.bonus_cost if figures else 0,
        net=figures.net if figures else 0,
    )


def affiliate_view(operator_id: int, row: Mapping[str, Any]) -> AffiliateView:
    """An affiliate from its row."""
    return AffiliateView(
        operator_id=operator_id,
        created_at=rfc3339(row["created_at"]),
        **{
            name: row[name]
            for name in (
                "affiliate_id", "code", "name", "rate_bps", "carries_negative", "active", "players",
            )
        },
    )  # fmt: skip


def statement_view(row: Mapping[str, Any], currency: str) -> StatementView:
    """A statement from its row."""
    return StatementView(
        week=row["week"].isoformat(),
        currency=currency,
        created_at=rfc3339(row["created_at"]),
        **{
            name: row[name]
            for name in (
                "ggr", "bonus_cost", "correction", "carried_in", "rate_bps", "amount",
                "carried_out",
            )
        },
    )  # fmt: skip
