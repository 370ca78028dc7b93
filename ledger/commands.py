"""The frame of a money command for one player: lock, load, decide, store, in one transaction.

Deposits, withdrawals, grants, waivers, expiries and rollbacks all run inside
:func:`player_command`; only the bet batch, which serves many players at once, has its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.account import Book, PlayerState
from ledger.bonus import ClosedTask
from ledger.catalogue import EMPTY_CATALOGUE, Catalogue, current_catalogue
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.events import BetEvent, TransactionEvent, outbox_row
from ledger.fairness import SeedVault
from ledger.jackpot import HitVault, Pool, new_hit_point
from ledger.money_events import bonus_closed
from ledger.store import load_players, lock_wallets, store
from ledger.terms import OperatorTerms, Surroundings
from ledger.writes import LoadedPlayer, Writes, posting_rows


class MoneyDesk:
    """What money commands need of their process: a pool of the batch role, and the vaults.

    It keeps the catalogue between commands and reads it again when its version has moved.
    ``moment`` is when its commands happen; None, as always but for play of the past, is now.
    """

    moment: datetime | None = None

    def __init__(self, pool: asyncpg.Pool, vault: SeedVault, hits: HitVault) -> None:
        self.pool = pool
        self.vault = vault
        self.hits = hits
        self.catalogue: Catalogue = EMPTY_CATALOGUE

    def at(self, moment: datetime) -> "MoneyDesk":
        """This desk at a moment of the past: same pool, vaults and rules, another clock."""
        past = copy(self)
        past.moment = moment
        return past


class Command:
    """A player's locked state and the changes collected for it; stored when the block ends.

    ``player`` is the state as decided so far, ``pools`` the jackpot pools it has locked. Times are
    the database's clock under the lock, or the desk's moment.
    """

    def __init__(
        self,
        connection: Connection,
        loaded: LoadedPlayer,
        catalogue: Catalogue,
        desk: MoneyDesk,
        now: datetime,
    ) -> None:
        self.connection = connection
        self.loaded = loaded
        self.catalogue = catalogue
        self.desk = desk
        self.now = now
        self.writes = Writes()
        self.pools: dict[int, Pool] = {}
        self.told: list[BetEvent | TransactionEvent] = []
        self.liability_before = loaded.state.liability

    @property
    def player(self) -> PlayerState:
        """The player's state as decided so far."""
        return self.loaded.state

    @property
    def operator(self) -> OperatorTerms:
        """The terms of the player's operator."""
        return self.catalogue.operators[self.player.operator_id]

    @property
    def around(self) -> Surroundings:
        """What pure rules meet besides the player; no pools, which only bets feed."""
        return Surroundings(self.catalogue.levels, {}, self.now, uuid7, new_hit_point)

    def change(
        self, after: PlayerState, closed: tuple[ClosedTask, ...] | list[ClosedTask] = ()
    ) -> None:
        """The player is now ``after``; tasks in ``closed`` have ended, and the warehouse hears."""
        self.loaded.state = after
        self.loaded.closed += closed
        self.writes.changed.add((after.operator_id, after.user_id))
        for task in closed:
            self.tell(bonus_closed(after, task, self.now))

    def post(self, book: Book, kind: str, reference_id: UUID) -> None:
        """Write the book's legs as one journal about ``reference_id``."""
        player = self.player
        self.writes.postings += posting_rows(
            player.operator_id,
            player.user_id,
            player.currency,
            book.legs,
            kind,
            reference_id,
            self.now,
            journal_id=uuid7(),
        )

    def tell(self, event: BetEvent | TransactionEvent) -> None:
        """Send an event to the warehouse through the outbox when the command is stored; what the
        command moves on the player's liability is put on one of its events then."""
        self.told.append(event)


@asynccontextmanager
async def player_command(
    desk: MoneyDesk, operator_id: int, user_id: UUID
) -> AsyncIterator[Command]:
    """Lock the player's wallet and yield a :class:`Command`; stores it when the block ends well.

    An exception rolls everything back. Raises :class:`Refusal` ``player_not_found``.
    """
    async with desk.pool.acquire() as connection, connection.transaction():
        key = (operator_id, user_id)
        if not await lock_wallets(connection, [key]):
            raise Refusal("player_not_found", "There is no such player.")
        now, desk.catalogue = await current_catalogue(connection, desk.catalogue)
        now = desk.moment or now
        players = await load_players(connection, [key], desk.vault, now)
        command = Command(connection, players[key], desk.catalogue, desk, now)
        yield command
        await finish(command)


async def finish(command: Command) -> None:
    """Store what the command collected; nothing if it decided nothing."""
    writes = command.writes
    writes.events += [
        outbox_row(event)
        for event in _with_liability(
            command.told, command.player.liability - command.liability_before
        )
    ]
    if not (writes.changed or writes.postings or writes.events):
        return
    player = command.player
    await store(
        command.connection,
        writes,
        {(player.operator_id, player.user_id): command.loaded},
        command.pools,
        command.desk.hits,
        command.now,
    )


def _with_liability(
    events: list[BetEvent | TransactionEvent], delta: int
) -> list[BetEvent | TransactionEvent]:
    """Put ``delta`` on one of a command's events: on a bet's, whose time it then has, or the first.

    Raises ``AssertionError`` if money moved and nothing tells of it.
    """
    if not delta:
        return events
    assert events, "a command that moves money must tell of it"  # noqa: S101
    bets = [index for index, event in enumerate(events) if isinstance(event, BetEvent)]
    carrier = bets[0] if bets else 0
    carrying = msgspec.structs.replace(events[carrier], liability_delta=delta)
    return [*events[:carrier], carrying, *events[carrier + 1 :]]


def with_book(player: PlayerState, book: Book) -> PlayerState:
    """``player`` with the book's balances; the bonus balance follows from the tasks."""
    return msgspec.structs.replace(
        player, real_balance=book.real, held_balance=book.held, debt=book.debt
    )
