"""JSON of the reports about players' ranking, bonuses and jackpots; amounts in minor units."""

from uuid import UUID

import msgspec

from api.schemas.reports import FigureFields, ReportHead, figure_fields
from warehouse.queries_benefits import REMOVING, BenefitSum, bonus_cost
from warehouse.queries_players import RankedPlayer


class RankedPlayerItem(FigureFields, frozen=True, kw_only=True):
    """A player's figures in the period."""

    player_id: UUID
    username: str


class RankingReport(ReportHead, frozen=True, kw_only=True):
    """A page of players who played in the period, in the order of ``sort``."""

    sort: str
    order: str
    items: list[RankedPlayerItem]
    next_cursor: str | None


class BonusLine(msgspec.Struct, frozen=True, kw_only=True):
    """Bonuses of one kind in the period: ``granted`` counts every credit, so each free spin's win
    is one. ``cost`` is what was credited less what the operator took back; converting costs
    nothing more. ``revoked``, ``returned`` and ``reopened`` are the work of rollbacks.
    """

    kind: str
    granted: int
    granted_count: int
    converted: int
    converted_count: int
    forfeited: int
    expired: int
    waived: int
    revoked: int
    returned: int
    reopened: int
    cost: int


class SpinsLine(msgspec.Struct, frozen=True, kw_only=True):
    """Grants of free spins from one source: how many were made, ran out or were taken back."""

    source: str
    granted_count: int
    expired_count: int
    revoked_count: int


class OpenBonuses(msgspec.Struct, frozen=True, kw_only=True):
    """What open bonuses of one kind hold now."""

    kind: str
    count: int
    balance: int


class BonusesReport(ReportHead, frozen=True, kw_only=True):
    """Bonuses and free spins of the period, and what is open now by the ledger."""

    cost: int
    items: list[BonusLine]
    free_spins: list[SpinsLine]
    open_now: list[OpenBonuses]


class PoolLine(msgspec.Struct, frozen=True, kw_only=True):
    """A pool with what it paid to the operator's players in the period.

    ``current_amount`` is that of all operators together; null for a pool that is closed.
    """

    pool: str
    hits: int
    paid: int
    current_amount: int | None


class JackpotWinner(msgspec.Struct, frozen=True, kw_only=True):
    """A jackpot won by one of the operator's players."""

    pool: str
    cycle_no: int
    bet_id: UUID
    player_id: UUID
    username: str
    amount: int
    won_at: str


class JackpotsReport(ReportHead, frozen=True, kw_only=True):
    """What the operator's bets fed to pools and won from them, pool by pool.

    A contribution is split among pools by their rates and reported as a whole, rounded down.
    ``winners`` are the newest, at most 100.
    """

    contributions: int
    jackpot_won: int
    hits: int
    rtp: float | None
    rtp_with_jackpot: float | None
    pools: list[PoolLine]
    winners: list[JackpotWinner]


def ranked_item(player: RankedPlayer) -> RankedPlayerItem:
    """A player's line of the ranking."""
    return RankedPlayerItem(
        player_id=player.player_id, username=player.username, **figure_fields(player)
    )


def bonus_lines(sums: list[BenefitSum]) -> list[BonusLine]:
    """Bonuses by kind."""
    return [
        bonus_line(kind, [item for item in sums if item.kind == "BONUS" and item.method == kind])
        for kind in sorted({item.method for item in sums if item.kind == "BONUS"})
    ]


def bonus_line(kind: str, sums: list[BenefitSum]) -> BonusLine:
    """The sums of one kind as a line."""
    amounts = {item.status: item.amount for item in sums}
    counts = {item.status: item.events for item in sums}
    return BonusLine(
        kind=kind,
        granted=amounts.get("GRANTED", 0),
        granted_count=counts.get("GRANTED", 0),
        converted=amounts.get("COMPLETED", 0),
        converted_count=counts.get("COMPLETED", 0),
        reopened=amounts.get("REOPENED", 0),
        cost=bonus_cost(sums),
        **{status.lower(): amounts.get(status, 0) for status in REMOVING},
    )


def spins_lines(sums: list[BenefitSum]) -> list[SpinsLine]:
    """Grants of free spins by source."""
    spins = [item for item in sums if item.kind == "FREE_SPINS"]
    counts = {(item.method, item.status): item.events for item in spins}
    return [
        SpinsLine(
            source=source,
            granted_count=counts.get((source, "GRANTED"), 0),
            expired_count=counts.get((source, "EXPIRED"), 0),
            revoked_count=counts.get((source, "REVOKED"), 0),
        )
        for source in sorted({item.method for item in spins})
    ]


def pool_lines(sums: list[BenefitSum], amounts: dict[str, int]) -> list[PoolLine]:
    """Pools by name: the open ones, and closed ones that paid in the period."""
    paid = {item.method: item for item in sums if item.kind == "JACKPOT"}
    return [
        PoolLine(
            pool=name,
            hits=paid[name].events if name in paid else 0,
            paid=paid[name].amount if name in paid else 0,
            current_amount=amounts.get(name),
        )
        for name in sorted({*amounts, *paid})
    ]
