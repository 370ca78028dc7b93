"""What bets and payments came to at each point of an overview's timeline: whole quarters of an hour
from rollups, what is left of the period from raw rows, and what is recent from the tail."""

import asyncio
from itertools import chain
from typing import Any

import msgspec

from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import KeyFigures, Sums, limited_games, total
from warehouse.recalled_points import (
    Asked,
    SumsByPoint,
    added_up,
    at_point,
    of_edges,
    of_rollup,
    recalled_points,
)
from warehouse.tail_figures import Tail
from warehouse.time_ranges import HOUR, QUARTER
from warehouse.timelines import Timeline


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """Payments and bonuses, minor units. Deposits are net of those charged back."""

    deposits: int = 0
    deposit_count: int = 0
    first_deposits: int = 0
    withdrawals: int = 0
    withdrawal_count: int = 0
    bonus_cost: int = 0
    liability_delta: int = 0


class BetSums(KeyFigures, frozen=True, kw_only=True):
    """Sums over bets, with what they moved on what the operator owes its players."""

    liability_delta: int = 0


async def bets_by_point(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> dict[int, BetSums]:
    """The bets' sums by point of the timeline, of those that have any.

    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    limits: dict[str, Any] = filters.of_every_game()
    limits |= await limited_games(warehouse, filters)
    if filters.player_id is not None:
        return await _of_player(
            warehouse,
            "overview_of_player",
            BetSums,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            points=timeline.points,
            **limits,
        )
    by_minute = timeline.interval is Interval.MINUTE
    until = warehouse.past and warehouse.past.tail_from
    if filters.games:
        rollup = "overview_of_games_from_hours"
        by_raw_rows = by_minute or timeline.cuts_hours()
        shares = timeline.shares(HOUR, raw_points=by_raw_rows, until=until)
    else:
        rollup = "overview_from_quarters"
        shares = timeline.shares(QUARTER, raw_points=by_minute, until=until)
    points = timeline.points
    tail = _bets_of_tail(warehouse.tail, filters, limits)
    asked = (
        of_rollup(warehouse, rollup, shares, points, limits),
        of_edges(warehouse, "overview_from_bets", shares, points, limits, tail=tail),
    )
    return await _both(warehouse, operator_id, BetSums, asked)


def _bets_of_tail(
    tail: Tail | None, filters: Filters, limits: dict[str, Any]
) -> SumsByPoint | None:
    if tail is None:
        return None
    games = None if limits["every_game"] else limits["game_ids"]
    return lambda period, points: tail.bets_by_point(
        period, points, filters, games, BetSums.__struct_fields__
    )


async def money_by_point(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> dict[int, Money]:
    """The payments' and bonuses' sums by point of the timeline, of those that have any; of none
    where the filters are of bets alone.

    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    if filters.of_bets:
        return {}
    limits: dict[str, Any] = {"include_bots": filters.include_bots}
    if filters.player_id is not None:
        return await _of_player(
            warehouse,
            "overview_money_of_player",
            Money,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            points=timeline.points,
            **limits,
        )
    shares = timeline.shares(
        QUARTER,
        raw_points=timeline.interval is Interval.MINUTE,
        until=warehouse.past and warehouse.past.tail_from,
    )
    edges = "overview_money_from_transactions"
    points = timeline.points
    tail = _money_of_tail(warehouse.tail, filters)
    asked = (
        of_rollup(warehouse, "overview_money_from_quarters", shares, points, limits),
        of_edges(warehouse, edges, shares, points, limits, tail=tail),
    )
    return await _both(warehouse, operator_id, Money, asked)


def _money_of_tail(tail: Tail | None, filters: Filters) -> SumsByPoint | None:
    if tail is None:
        return None
    return lambda period, points: tail.money_by_point(
        period, points, Money.__struct_fields__, include_bots=filters.include_bots
    )


async def _of_player(
    warehouse: Warehouse, endpoint: str, kind: type[Sums], *, operator_id: int, **parameters: Any
) -> dict[int, Sums]:
    rows = await warehouse.read(endpoint, at_point(kind), operator_id=operator_id, **parameters)
    return {row.point: total([row], kind) for row in rows}


async def _both(
    warehouse: Warehouse,
    operator_id: int,
    kind: type[Sums],
    asked: tuple[Asked, Asked],
) -> dict[int, Sums]:
    """The sums of the rows on a rollup and of those on raw rows that complete it."""
    rolled_up, raw = await asyncio.gather(
        *(recalled_points(warehouse, operator_id, kind, one) for one in asked)
    )
    return added_up(asked[0].points, chain(rolled_up.items(), raw.items()), kind)
