"""A made-up past on a test world: offers, a pool, affiliates, and some weeks of play."""

from typing import Any
from unittest.mock import patch

from api.history import seed_history
from ledger.affiliates import AffiliateTerms, create_affiliate
from ledger.jackpots import PoolForm, open_pool
from tests.support.world import World

DAYS, PLAYERS, BETS = 16, 40, 120


async def furnish(world: World) -> None:
    """A pool that is soon won, offers, an affiliate of each operator, and quick VIP levels."""
    form = PoolForm(
        name="mini",
        currency="EUR",
        seed=1_000,
        cap=3_600,
        rate_bps=50,
        game_ids=[world.games["slot"]],
    )
    await open_pool(world.owner, world.hits, form)
    for operator_id in world.operators:
        async with world.owner.acquire() as connection:
            await create_affiliate(connection, operator_id, AffiliateTerms(code="aff", name="Aff"))
        await world.owner.execute(
            "INSERT INTO deposit_offer (operator_id, name, min_amount, match_bps, max_bonus, "
            "free_spins, free_spin_game_id, free_spin_stake) "
            "VALUES ($1, 'Offer', 5000, 5000, 5000, 5, $2, 20)",
            operator_id,
            world.games["slot"],
        )
    await world.owner.execute("UPDATE vip_level SET xp_from = xp_from / 20")


# A few weeks of a few players must hold everything that a year of many does.
OFTEN: dict[str, Any] = {
    "CASHES_OUT": 1.0,
    "UNPAID": 0.1,
    "FAILED": 0.1,
    "CHARGED_BACK": 0.1,
    "PAYOUT_FAILS": 0.2,
    "ROLLED_BACK": 0.01,
    "GRANTED": 0.1,
}


async def seed_past(world: World) -> dict[str, int]:
    """``DAYS`` days of it, in which what is rare elsewhere happens often."""
    with patch.multiple("api.past_visits", **OFTEN):
        return await seed_history(
            world.owner_url,
            world.secret_key,
            "a password",
            days=DAYS,
            players=PLAYERS,
            bets_per_day=BETS,
        )
