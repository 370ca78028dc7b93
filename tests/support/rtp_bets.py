"""Bets of the deliberately faulty game, and of others, as events for the warehouse."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from ledger.events import BetEvent
from ledger.outcomes import check_game
from loadgen.catalogue import games
from tests.support.outbox import bet_event
from tests.support.world import World

FAULTY = next(game for game in games() if game.faulty)
HALF_HOUR = timedelta(minutes=30)


async def add_faulty_game(world: World) -> int:
    """The faulty game of the seeds in the world's catalogue; its number."""
    facts = check_game(FAULTY.paytable, FAULTY.rtp_bps, FAULTY.wager_step, faulty=True)
    number = await world.owner.fetchval(
        "INSERT INTO game (category_id, slug, name, provider, rtp_bps, sigma_e6, volatility, "
        "paytable, wager_step, min_wager, max_wager, faulty) "
        "SELECT category_id, $1, $2, 'Test', $3, $4, $5, $6, 10, 10, 10000, true "
        "FROM game_category RETURNING game_id",
        FAULTY.slug,
        FAULTY.name,
        FAULTY.rtp_bps,
        facts.sigma_e6,
        facts.volatility,
        msgspec.json.encode(FAULTY.paytable).decode(),
    )
    assert number is not None
    return number


def drawn(
    random: Random, paytable: Any, count: int, *, start: datetime, wager: int = 100, **fields: Any
) -> list[BetEvent]:
    """Bets of one stake over half an hour, with wins as the paytable has them."""
    multipliers, weights = zip(*paytable, strict=True)
    return [
        bet_event(
            wager=wager,
            win=multiplier * wager // 100,
            created_at=start + HALF_HOUR * number / count,
            is_bot=number % 2,
            **fields,
        )
        for number, multiplier in enumerate(random.choices(multipliers, weights, k=count))
    ]
