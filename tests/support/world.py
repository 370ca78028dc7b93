"""A small casino on a real database: operators, games and funded players for ledger tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.bet_record import SpinRequest
from ledger.database import Role, create_pool
from ledger.fairness import SeedVault
from ledger.jackpot import HitVault
from ledger.outcomes import check_game
from ledger.players import register_player
from tests.support.outbox import adjustment_event, write

# Pays 0, 1, 2 or 10 times the wager: 50 % + 2 x 12 % + 10 x 2.2 % = 96 %.
SLOT = [(0, 358), (100, 500), (200, 120), (1000, 22)]
COIN = [(0, 505), (200, 495)]


class Player(msgspec.Struct, frozen=True):
    """A registered player."""

    operator_id: int
    user_id: UUID

    def spin(self, game_id: int, wager: int, key: str | None = None) -> SpinRequest:
        """A request to bet under ``key``, or under a fresh key."""
        return SpinRequest(
            operator_id=self.operator_id,
            user_id=self.user_id,
            game_id=game_id,
            wager=wager,
            client_seed="seed",
            idempotency_key=key or str(uuid7()),
            fingerprint=f"{game_id}:{wager}".encode(),
        )


class World(msgspec.Struct):
    """Pools by role, the operators' ids and the games' ids by slug."""

    owner_url: str
    secret_key: str
    owner: asyncpg.Pool
    pools: dict[Role, asyncpg.Pool]
    vault: SeedVault
    hits: HitVault
    operators: list[int]
    games: dict[str, int]

    async def player(self, operator_id: int | None = None, balance: int = 0) -> Player:
        """Register a player and give the wallet ``balance`` by a completed deposit's journal."""
        operator_id = operator_id or self.operators[0]
        name = f"p{uuid7().hex[-12:]}"
        async with self.pools[Role.AUTH].acquire() as connection, connection.transaction():
            registered = await register_player(
                connection,
                operator_id=operator_id,
                username=name,
                email=f"{name}@example.com",
                password_hash="not a hash",
                is_bot=False,
                affiliate_code=None,
                vault=self.vault,
            )
        player = Player(operator_id, registered.user_id)
        if balance:
            await self.fund(player, balance)
        return player

    async def fund(self, player: Player, amount: int) -> None:
        """Move ``amount`` from the operator's settlement account to the player, in balance; the
        warehouse hears of it as an adjustment."""
        journal = uuid7()
        async with self.owner.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "UPDATE wallet SET real_balance = real_balance + $3 "
                "WHERE operator_id = $1 AND user_id = $2 RETURNING real_balance, currency",
                player.operator_id,
                player.user_id,
                amount,
            )
            assert row is not None
            await connection.execute(
                "INSERT INTO posting SELECT $1, $2, leg, account, user_id, $3, amount, after, "
                "'deposit', $2, now() FROM (VALUES "
                "(1::smallint, 'player_real', $4::uuid, $5::bigint, $6::bigint), "
                "(2::smallint, 'operator_settlement', NULL, -$5::bigint, NULL)"
                ") AS legs (leg, account, user_id, amount, after)",
                player.operator_id,
                journal,
                row["currency"],
                player.user_id,
                amount,
                row["real_balance"],
            )
            event = adjustment_event(player.operator_id, player.user_id, row["currency"], amount)
            await write(connection, event)

    async def real_balance(self, player: Player) -> int:
        """The wallet's real balance in minor units."""
        balance = await self.owner.fetchval(
            "SELECT real_balance FROM wallet WHERE operator_id = $1 AND user_id = $2",
            player.operator_id,
            player.user_id,
        )
        assert balance is not None
        return balance


@asynccontextmanager
async def open_world(owner_url: str, secret_key: str) -> AsyncIterator[World]:
    """Open pools of every role and create the operators and games."""
    async with AsyncExitStack() as stack:
        pools = {
            role: await stack.enter_async_context(
                await create_pool(owner_url, role, secret_key, max_size=4)
            )
            for role in Role
        }
        owner = await stack.enter_async_context(
            asyncpg.create_pool(owner_url, min_size=1, max_size=4)
        )
        world = World(
            owner_url, secret_key, owner, pools, SeedVault(secret_key), HitVault(secret_key), [], {}
        )
        await _create_operators(world)
        await _create_games(world)
        yield world


async def _create_operators(world: World) -> None:
    for slug, currency in (("alpha", "EUR"), ("beta", "SEK")):
        operator_id = await world.owner.fetchval(
            "INSERT INTO operator (slug, name, currency) VALUES ($1, initcap($1), $2) "
            "RETURNING operator_id",
            slug,
            currency,
        )
        assert operator_id is not None
        world.operators.append(operator_id)


async def _create_games(world: World) -> None:
    category = await world.owner.fetchval(
        "INSERT INTO game_category (slug, name) VALUES ('slots', 'Slots') RETURNING category_id"
    )
    for slug, paytable, rtp_bps in (("slot", SLOT, 9600), ("coin", COIN, 9900)):
        facts = check_game(paytable, rtp_bps, 1)
        game_id = await world.owner.fetchval(
            "INSERT INTO game (category_id, slug, name, provider, rtp_bps, sigma_e6, volatility, "
            "paytable, wager_step, min_wager, max_wager) "
            "VALUES ($1, $2, initcap($2), 'Test', $3, $4, $5, $6, 1, 1, 100000) "
            "RETURNING game_id",
            category,
            slug,
            rtp_bps,
            facts.sigma_e6,
            facts.volatility,
            msgspec.json.encode(paytable).decode(),
        )
        assert game_id is not None
        world.games[slug] = game_id
