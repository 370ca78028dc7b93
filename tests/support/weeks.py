"""Bets of weeks that are over: real bets whose rows are moved back in time."""

from datetime import datetime
from uuid import UUID

from ledger.weeks import Week, last_full_week
from tests.support.world import World

WEDNESDAY_NOON = 2.5


def last_week() -> Week:
    """The newest week that is over."""
    return last_full_week(datetime.now().astimezone())


async def move_to(world: World, week: Week, *references: UUID) -> None:
    """Let bets, bonuses or rollbacks and their postings have happened at that week's Wednesday.

    Only tests may: the owner lifts the guard of append-only tables for it.
    """
    moment = week.start + (week.end - week.start) * (WEDNESDAY_NOON / 7)
    async with world.owner.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = 'replica'")
        for table, column in (("bet_log", "bet_id"), ("posting", "reference_id")):
            await connection.execute(
                f"UPDATE {table} SET created_at = $1 WHERE {column} = any($2::uuid [])",
                moment,
                list(references),
            )
