"""A database of the first release, with data, becomes one of today and plays on."""

from uuid import UUID

import asyncpg
import psycopg
import pytest
from psycopg import sql
from uuid_utils.compat import uuid7

from api.stack.postgres import EmbeddedPostgres
from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role, create_pool
from ledger.fairness import SeedVault
from ledger.grants import give_bonus
from ledger.jackpot import HitVault
from ledger.migrate import upgrade
from ledger.outcomes import check_game
from ledger.reconcile import reconcile_ledger
from ledger.rollback import roll_back_bet
from tests.support.world import SLOT, Player

OPERATORS = (("plain", "strict", "MT"), ("pooled", "mixed", "MT"), ("british", "mixed", "GB"))
BALANCE = 10_000


@pytest.fixture(scope="module")
async def old(postgres: EmbeddedPostgres, secret_key: str) -> tuple[str, list[Player]]:
    """Owner's URL of a database at revision 0001 that has been played on, and its players."""
    name = "upgraded"
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = postgres.url_of(name)
    upgrade(url, secret_key, revision="0001")
    connection = await asyncpg.connect(url)
    players = [await _played(connection, SeedVault(secret_key), *row) for row in OPERATORS]
    await connection.close()
    return url, players


async def _played(
    connection: asyncpg.Connection, vault: SeedVault, slug: str, policy: str, jurisdiction: str
) -> Player:
    """An operator with a player who has paid in, bet and has a deposit pending."""
    operator_id = await connection.fetchval(
        "INSERT INTO operator (slug, name, currency, bonus_policy, jurisdiction) "
        "VALUES ($1, $1, 'EUR', $2, $3) RETURNING operator_id",
        slug,
        policy,
        jurisdiction,
    )
    assert operator_id is not None
    game_id = await _game(connection)
    affiliate_id = await connection.fetchval(
        "INSERT INTO affiliate (operator_id, code, name) VALUES ($1, 'old', 'Old') "
        "RETURNING affiliate_id",
        operator_id,
    )
    user_id, seed = uuid7(), vault.new_seed()
    await connection.execute(
        'INSERT INTO "user" (operator_id, user_id, username, email, password_hash, affiliate_id) '
        "VALUES ($1, $2, 'ada', 'ada@example.com', 'x', $3)",
        operator_id,
        user_id,
        affiliate_id,
    )
    await connection.execute(
        "INSERT INTO fairness_seed (operator_id, user_id, seed_id, encrypted_seed, seed_hash) "
        "VALUES ($1, $2, $3, $4, $5)",
        operator_id,
        user_id,
        seed.seed_id,
        seed.encrypted_seed,
        seed.seed_hash,
    )
    await connection.execute(
        "INSERT INTO wallet (operator_id, user_id, currency, real_balance, fairness_seed_id, "
        "deposit_wagering_required, deposit_wagering_progress_e4, fairness_nonce) "
        "VALUES ($1, $2, 'EUR', $3, $4, $5, 1000000, 1)",
        operator_id,
        user_id,
        BALANCE - 100,
        seed.seed_id,
        BALANCE,
    )
    await _deposits(connection, operator_id, user_id)
    await _lost_bet(connection, operator_id, user_id, game_id, seed.seed_id)
    return Player(operator_id, user_id)


async def _game(connection: asyncpg.Connection) -> int:
    facts = check_game(SLOT, 9_600, 1)
    category = await connection.fetchval(
        "INSERT INTO game_category (slug, name) VALUES ('slots', 'Slots') "
        "ON CONFLICT (slug) DO UPDATE SET name = 'Slots' RETURNING category_id"
    )
    return await connection.fetchval(  # pyright: ignore[reportReturnType]
        "INSERT INTO game (category_id, slug, name, provider, rtp_bps, sigma_e6, volatility, "
        "paytable, wager_step, min_wager, max_wager) VALUES ($1, 'slot', 'Slot', 'Test', 9600, "
        "$2, $3, '[[0, 358], [100, 500], [200, 120], [1000, 22]]', 1, 1, 100000) "
        "ON CONFLICT (slug) DO UPDATE SET name = 'Slot' RETURNING game_id",
        category,
        facts.sigma_e6,
        facts.volatility,
    )


async def _deposits(connection: asyncpg.Connection, operator_id: int, user_id: UUID) -> None:
    """One that was completed and recorded, and one that is pending."""
    for status in ("COMPLETED", "PENDING"):
        deposit = uuid7()
        await connection.execute(
            "INSERT INTO transaction (operator_id, transaction_id, user_id, kind, status, amount, "
            "currency, method, provider, idempotency_key, event_no, created_at, updated_at) "
            "VALUES ($1, $2, $3, 'DEPOSIT', $4, $5, 'EUR', 'card', 'mock', $4, 1, now(), now())",
            operator_id,
            deposit,
            user_id,
            status,
            BALANCE,
        )
        await connection.execute(
            "INSERT INTO transaction_event VALUES ($1, $2, 1, NULL, $3, 'player', NULL, now())",
            operator_id,
            deposit,
            status,
        )
        if status == "PENDING":
            continue
        await connection.execute(
            "INSERT INTO posting VALUES "
            "($1, $2, 1, 'player_real', $3, 'EUR', $4, $4, 'deposit', $2, now()), "
            "($1, $2, 2, 'operator_settlement', NULL, 'EUR', -$4, NULL, 'deposit', $2, now())",
            operator_id,
            deposit,
            user_id,
            BALANCE,
        )
        await connection.execute(
            "INSERT INTO webhook_receipt (provider, webhook_id, event_type, transaction_id, "
            "outcome, payload) VALUES ('mock', $1, 'deposit.completed', $2, 'applied', '{}')",
            str(deposit),
            deposit,
        )


async def _lost_bet(
    connection: asyncpg.Connection, operator_id: int, user_id: UUID, game_id: int, seed_id: UUID
) -> None:
    values = {
        "operator_id": operator_id, "bet_id": uuid7(), "user_id": user_id, "game_id": game_id,
        "idempotency_key": "old", "fingerprint": b"x", "currency": "EUR", "bet_type": "REAL",
        "wager": 100, "wager_real": 100, "wager_bonus": 0, "win": 0, "win_real": 0, "win_bonus": 0,
        "jackpot": 0, "multiplier_hundredths": 0, "free_spin_stake": 0, "free_spin_win": 0,
        "ggr": 100, "theoretical_ggr_e4": 40_000, "jackpot_contribution_e4": 0,
        "real_balance_before": BALANCE, "real_balance_after": BALANCE - 100,
        "bonus_balance_before": 0, "bonus_balance_after": 0, "deposit_wagering_required": BALANCE,
        "deposit_wagering_progress_e4": 1_000_000, "bonus_wagering_required": 0,
        "bonus_wagering_progress_e4": 0, "xp_added": 0, "vip_level_before": 1, "vip_level": 1,
        "bonus_policy": "strict", "bonus_policy_version": 1, "seed_id": seed_id, "nonce": 0,
        "client_seed": "seed", "drawn": 0,
    }  # fmt: skip
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(
        f"INSERT INTO bet_log ({', '.join(values)}, created_at) VALUES ({places}, now())",
        *values.values(),
    )
    await connection.execute(
        "INSERT INTO posting VALUES "
        "($1, $2, 1, 'player_real', $3, 'EUR', -100, $4, 'bet', $2, now()), "
        "($1, $2, 2, 'operator_gaming', NULL, 'EUR', 100, NULL, 'bet', $2, now())",
        operator_id,
        values["bet_id"],
        user_id,
        BALANCE - 100,
    )


async def test_an_old_database_is_upgraded_and_plays_on(
    old: tuple[str, list[Player]], secret_key: str
) -> None:
    url, players = old
    upgrade(url, secret_key)
    upgrade(url, secret_key)
    owner = await asyncpg.connect(url)
    rows = await owner.fetch(
        "SELECT o.slug, p.funding, p.multiplier FROM operator AS o "
        "JOIN bonus_policy AS p ON p.operator_id = o.operator_id "
        "AND p.version = o.bonus_policy_version ORDER BY o.operator_id"
    )
    assert [tuple(row) for row in rows] == [
        ("plain", "single", 10),
        ("pooled", "mixed", 30),
        ("british", "mixed", 10),  # capped there since 19 January 2026
    ]
    assert await reconcile_ledger(owner) == []

    game_id = await owner.fetchval("SELECT game_id FROM game")
    vault, hits = SeedVault(secret_key), HitVault(secret_key)
    async with await create_pool(url, Role.BATCH, secret_key) as pool:
        desk = MoneyDesk(pool, vault, hits)
        batcher = BetBatcher(pool, vault, hits, lambda fresh: None)
        batcher.start()
        for player in players:
            async with player_command(desk, player.operator_id, player.user_id) as command:
                give_bonus(command, amount=500, kind="GRANT", source_id=uuid7())
            settled = (await batcher.submit(player.spin(game_id or 0, 200))).result
            assert (settled.bet_type, settled.wagering.deposit.required) == ("REAL", BALANCE)
            old_bet = await owner.fetchval(
                "SELECT bet_id FROM bet_log WHERE user_id = $1 AND idempotency_key = 'old'",
                player.user_id,
            )
            done = await roll_back_bet(desk, old_bet or UUID(int=0), "test", "nobody")
            assert done.real_balance == settled.balances.real + 100
        await batcher.stop()
    assert await reconcile_ledger(owner) == []
    await owner.close()


async def test_an_upgraded_schema_is_a_fresh_one(
    old: tuple[str, list[Player]], postgres_url: str, secret_key: str
) -> None:
    """Columns, constraints and indexes are the same whichever way a database came here."""
    upgrade(old[0], secret_key)
    schemas = []
    for url in (old[0], postgres_url):
        connection = await asyncpg.connect(url)
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public' "
            "AND table_name !~ '^outbox_[0-9]' ORDER BY table_name, ordinal_position"
        )
        indexes = await connection.fetch(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND tablename !~ '^outbox_[0-9]' ORDER BY indexname"
        )
        schemas.append(([tuple(row) for row in columns], [tuple(row) for row in indexes]))
        await connection.close()
    assert schemas[0] == schemas[1]
