"""Bonuses, free spins and jackpots of a period, from the rollup of transactions."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.time_ranges import QUARTER, TimeRange


class BenefitSum(msgspec.Struct, frozen=True, kw_only=True):
    """How often a benefit of ``kind`` from ``method`` came to ``status``, and its minor units.

    ``kind`` is BONUS, FREE_SPINS or JACKPOT; ``method`` a bonus's kind, free spins' source or a
    pool's name. The amount of free spins is one spin's stake.
    """

    kind: str
    method: str
    status: str
    events: int
    amount: int


REMOVING = ("FORFEITED", "EXPIRED", "WAIVED", "REVOKED", "RETURNED")


def bonus_cost(sums: list[BenefitSum]) -> int:
    """What was credited to bonuses less what the operator took back (RULES §10)."""
    cost = 0
    for item in sums:
        if item.kind == "BONUS" and item.status != "COMPLETED":
            cost += -item.amount if item.status in REMOVING else item.amount
    return cost


async def benefit_sums(
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters
) -> list[BenefitSum]:
    """Every benefit's sums; of the filters only ``player_id`` and ``include_bots`` have sense."""
    limits: dict[str, Any] = {"include_bots": filters.include_bots}
    limits |= {"from_time": period.start, "to_time": period.end}
    if filters.player_id is not None:
        endpoints, limits["player_id"] = ["benefits_of_player"], filters.player_id
    else:
        split = period.split(QUARTER)
        limits |= {"whole_from": split.whole_start, "whole_to": split.whole_end}
        shares = {
            "benefits_from_quarters": split.has_whole,
            "benefits_from_transactions": split.has_edges,
        }
        endpoints = [name for name, has in shares.items() if has]
    parts = await asyncio.gather(
        *(
            warehouse.read(endpoint, BenefitSum, operator_id=operator_id, **limits)
            for endpoint in endpoints
        )
    )
    return _summed(chain.from_iterable(parts))


def _summed(rows: Iterable[BenefitSum]) -> list[BenefitSum]:
    """One sum for each benefit, source and status, sorted by them."""
    sums: dict[tuple[str, str, str], BenefitSum] = {}
    for row in rows:
        key = (row.kind, row.method, row.status)
        so_far = sums.get(key)
        sums[key] = row if so_far is None else _added(so_far, row)
    return [sums[key] for key in sorted(sums)]


def _added(one: BenefitSum, other: BenefitSum) -> BenefitSum:
    return msgspec.structs.replace(
        one, events=one.events + other.events, amount=one.amount + other.amount
    )
