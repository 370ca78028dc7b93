"""Games whose outcome is certain, for tests that need to know what a bet will do."""

from ledger.outcomes import check_game
from tests.support.world import World


async def forced_game(world: World, multiplier_hundredths: int, **changes: object) -> int:
    """A game that always pays ``multiplier_hundredths``; returns its id.

    Declared faulty, since its return is not one a real game may have. ``changes`` set columns.
    """
    facts = check_game([(multiplier_hundredths, 1)], 9_600, 100, faulty=True)
    slug = f"forced-{multiplier_hundredths}-{len(world.games)}"
    columns = {
        "slug": slug,
        "name": slug,
        "provider": "Test",
        "rtp_bps": 9_600,
        "sigma_e6": facts.sigma_e6,
        "volatility": facts.volatility,
        "paytable": f"[[{multiplier_hundredths}, 1]]",
        "wager_step": 1,
        "min_wager": 1,
        "max_wager": 100_000,
        "faulty": True,
        **changes,
    }
    names = ", ".join(columns)
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    game_id = await world.owner.fetchval(
        f"INSERT INTO game (category_id, {names}) "
        f"SELECT min(category_id), {places} FROM game_category RETURNING game_id",
        *columns.values(),
    )
    assert game_id is not None
    world.games[slug] = game_id
    return game_id
