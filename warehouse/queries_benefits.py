"""Bonuses, free spins and jackpots of a period, from the rollup of transactions."""

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
    split = period.split(QUARTER)
    parameters: dict[str, Any] = {
        "include_bots": filters.include_bots,
        "from_time": period.start,
        "to_time": period.end,
    }
    if filters.player_id is not None:
        return await warehouse.read(
            "benefits_of_player",
            BenefitSum,
            operator_id=operator_id,
            player_id=filters.player_id,
            **parameters,
        )
    return await warehouse.read(
        "benefits",
        BenefitSum,
        operator_id=operator_id,
        whole_from=split.whole_start,
        whole_to=split.whole_end,
        **parameters,
    )
