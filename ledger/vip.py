"""VIP: experience, levels, cashback, and who pays for benefits. Pure; RULES §6.

XP counts 1/10,000 of a point.
"""

from collections.abc import Mapping, Sequence

import msgspec

E4 = 10_000
PLATFORM_SHARE_BPS = 2_000


class VipLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A level: ``xp_from`` in points; multipliers in tenths; cashback in basis points."""

    level: int
    name: str
    xp_from: int
    xp_multiplier_tenths: int
    cashback_bps: int
    free_spins: int
    bet_limit_multiplier_tenths: int


DEFAULT_LEVELS = tuple(
    VipLevel(
        level=level,
        name=name,
        xp_from=xp_from,
        xp_multiplier_tenths=xp,
        cashback_bps=cashback,
        free_spins=spins,
        bet_limit_multiplier_tenths=limit,
    )
    for level, name, xp_from, xp, cashback, spins, limit in (
        (1, "Bronze", 0, 10, 0, 0, 10),
        (2, "Silver", 1_000, 12, 500, 10, 10),
        (3, "Gold", 5_000, 15, 1_000, 25, 15),
        (4, "Platinum", 20_000, 20, 1_500, 50, 20),
        (5, "Diamond", 100_000, 25, 2_000, 100, 50),
    )
)


def bet_xp(
    *,
    wager_real: int,
    wager_bonus: int,
    level: VipLevel,
    game_multiplier_tenths: int,
    bonus_xp_rate_bps: int,
    minor_units_per_point: int,
) -> int:
    """XP of a bet in 1/10,000 of a point, rounded down once; the fraction of that is dropped.

    1 point per ``minor_units_per_point`` wagered with real money x level x game; bonus wagers
    also x ``bonus_xp_rate_bps``.

    >>> bet_xp(wager_real=1_000, wager_bonus=0, level=DEFAULT_LEVELS[1],
    ...        game_multiplier_tenths=10, bonus_xp_rate_bps=5_000, minor_units_per_point=100)
    120000
    """
    weighted = wager_real * E4 + wager_bonus * bonus_xp_rate_bps
    factor = level.xp_multiplier_tenths * game_multiplier_tenths
    return weighted * factor // (100 * minor_units_per_point)


def deposit_xp(amount: int, minor_units_per_point: int, rate_bps: int = E4) -> int:
    """XP of a deposit in 1/10,000 of a point: by default 1 point per unit, else that share."""
    return amount * rate_bps // minor_units_per_point


def level_at(levels: Sequence[VipLevel], experience: int) -> VipLevel:
    """The highest level whose threshold ``experience`` (1/10,000 of a point) reaches."""
    reached = [level for level in levels if experience >= level.xp_from * E4]
    return max(reached, key=lambda level: level.xp_from)


def levels_gained(
    levels: Sequence[VipLevel], level_before: int, experience: int
) -> tuple[VipLevel, ...]:
    """The levels passed on the way up, lowest first; each grants its free spins once."""
    reached = level_at(levels, experience).level
    gained = (level for level in levels if level_before < level.level <= reached)
    return tuple(sorted(gained, key=lambda level: level.level))


def cashback(level: VipLevel, real_wagers: int, real_wins: int) -> int:
    """Weekly cashback in minor units: rate x net real loss if positive, rounded down.

    >>> cashback(DEFAULT_LEVELS[2], 10_000, 4_321)
    567
    """
    return max(0, real_wagers - real_wins) * level.cashback_bps // E4


def share_benefit_cost(cost: int, wagers: Mapping[int, int]) -> tuple[int, dict[int, int]]:
    """Split a benefit's cost: (platform's part, part by operator), adding up to ``cost`` exactly.

    The platform bears 20 %; operators share the rest by wagers, by largest remainder, ties to the
    lower operator id. Without wagers the platform bears it all.

    >>> share_benefit_cost(101, {1: 1, 2: 1, 3: 1})
    (20, {1: 27, 2: 27, 3: 27})
    """
    total = sum(wagers.values())
    if total == 0:
        return cost, {}
    platform = cost * PLATFORM_SHARE_BPS // E4
    rest = cost - platform
    shares = {operator: rest * wager // total for operator, wager in wagers.items()}
    left = rest - sum(shares.values())
    by_remainder = sorted(
        wagers, key=lambda operator: (-(rest * wagers[operator] % total), operator)
    )
    for operator in by_remainder[:left]:
        shares[operator] += 1
    return platform, shares
