"""What each CSV export holds: its columns, the filters it takes, and its rows in batches."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec

from api.periods import Period
from api.report_filters import LIMITS
from api.routes.overview import answer_overview
from api.schemas.affiliates import AffiliateItem, affiliate_item
from api.schemas.benefits import (
    BonusLine,
    PoolLine,
    RankedPlayerItem,
    bonus_lines,
    pool_lines,
    ranked_item,
)
from api.schemas.overview import SeriesPoint, series_point
from api.schemas.reports import GameItem, TransactionItem, game_item, transaction_item
from api.tenancy import Pools, tenant_transaction
from ledger.affiliates import read_affiliates
from ledger.database import Role
from ledger.jackpots import read_pools
from ledger.named_sql import named_queries
from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import affiliate_figures, game_figures
from warehouse.queries_benefits import benefit_sums
from warehouse.queries_exports import stream_players, stream_transactions
from warehouse.queries_players import Sort

SQL = named_queries("operator.sql", Path(__file__).parent / "sql")

Batches = AsyncIterator[Sequence[msgspec.Struct]]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be exported, and from where."""

    warehouse: Warehouse
    pools: Pools
    operator_id: int
    currency: str
    period: Period
    filters: Filters
    type: str | None
    sort: Sort
    descending: bool
    interval: Interval | None


class RtpLine(msgspec.Struct, frozen=True, kw_only=True):
    """A game's or a player's return; ``subject`` says which."""

    subject: Literal["game", "player"]
    id: int | UUID
    name: str
    rtp: float | None
    theoretical_rtp: float | None
    bets: int
    total_wagered: int
    total_won: int


class Export(msgspec.Struct, frozen=True):
    """A report as rows of ``row``; ``filters`` are those it takes besides bots and period."""

    row: type[msgspec.Struct]
    batches: Callable[[Question], Batches]
    filters: tuple[str, ...] = LIMITS


async def _overview(question: Question) -> Batches:
    answer = await answer_overview(
        question.warehouse,
        question.pools,
        question.operator_id,
        question.period,
        question.filters,
        question.interval,
    )
    yield [series_point(point) for point in answer.figures.points]


async def _games(question: Question) -> Batches:
    figures = await game_figures(
        question.warehouse, question.operator_id, question.period.range, question.filters
    )
    yield [game_item(game) for game in figures]


async def _players(question: Question) -> Batches:
    async for players in stream_players(
        question.warehouse,
        question.operator_id,
        question.period.range,
        question.filters,
        sort=question.sort,
        descending=question.descending,
    ):
        yield [ranked_item(player) for player in players]


async def _rtp_summary(question: Question) -> Batches:
    async for games in _games(question):
        yield [_game_rtp(game) for game in games if isinstance(game, GameItem)]
    async for players in _players(question):
        yield [_player_rtp(item) for item in players if isinstance(item, RankedPlayerItem)]


def _game_rtp(game: GameItem) -> RtpLine:
    return RtpLine(
        subject="game",
        id=game.game_id,
        name=game.game_name,
        rtp=game.rtp,
        theoretical_rtp=game.theoretical_rtp,
        bets=game.bets,
        total_wagered=game.total_wagered,
        total_won=game.total_won,
    )


def _player_rtp(player: RankedPlayerItem) -> RtpLine:
    return RtpLine(
        subject="player",
        id=player.player_id,
        name=player.username,
        rtp=player.rtp,
        theoretical_rtp=None,
        bets=player.bets,
        total_wagered=player.total_wagered,
        total_won=player.total_won,
    )


async def _transactions(question: Question) -> Batches:
    games = await _game_names(question.pools)
    async for rows, names in stream_transactions(
        question.warehouse,
        question.operator_id,
        question.period.range,
        question.filters,
        type=question.type,
    ):
        yield [
            transaction_item(row, names.get(row.player_id), games.get(row.game_id)) for row in rows
        ]


async def _game_names(pools: Pools) -> dict[int, str]:
    rows = await pools[Role.APP].fetch(SQL["catalogue_names"])
    return {row["game_id"]: row["name"] for row in rows}


async def _bonuses(question: Question) -> Batches:
    yield bonus_lines(await _benefits(question))


async def _jackpots(question: Question) -> Batches:
    sums = await _benefits(question)
    async with question.pools[Role.APP].acquire() as connection:
        rows: list[Any] = await read_pools(connection, question.currency)
    yield pool_lines(sums, {row["name"]: row["amount"] for row in rows})


async def _benefits(question: Question) -> Any:
    return await benefit_sums(
        question.warehouse, question.operator_id, question.period.range, question.filters
    )


async def _affiliates(question: Question) -> Batches:
    figures = await affiliate_figures(
        question.warehouse,
        question.operator_id,
        question.period.range,
        include_bots=question.filters.include_bots,
    )
    by_id = {item.affiliate_id: item for item in figures}
    async with tenant_transaction(question.pools[Role.APP], question.operator_id) as connection:
        rows = await read_affiliates(connection, question.operator_id)
    yield [affiliate_item(row, by_id.get(row["affiliate_id"])) for row in rows]


EXPORTS: dict[str, Export] = {
    "overview": Export(SeriesPoint, _overview),
    "games": Export(GameItem, _games),
    "players": Export(RankedPlayerItem, _players),
    "rtp-summary": Export(RtpLine, _rtp_summary),
    "transactions": Export(TransactionItem, _transactions),
    "bonuses": Export(BonusLine, _bonuses, ("player_id",)),
    "jackpots": Export(PoolLine, _jackpots, ()),
    "affiliates": Export(AffiliateItem, _affiliates, ()),
}
"""Every export by its name."""
