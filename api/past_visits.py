"""What players of a made-up past do in the casino, and its desk with them, by the ledger's rules.

A visit is a session of the plan: the player comes, pays in if need be, spins, and may take money
out. Everything happens at its own moment of the past; for one player, moments never go back.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from ledger.account import PlayerState
from ledger.bet_record import SpinRequest, SpinResult
from ledger.catalogue import Catalogue
from ledger.commands import MoneyDesk, player_command
from ledger.database import Connection
from ledger.deposits import create_deposit
from ledger.errors import Refusal
from ledger.grants import give_bonus, waive_bonuses
from ledger.past_bets import Turn
from ledger.payments import ProviderEvent, withdrawable
from ledger.provider_events import apply_webhook
from ledger.rollback import roll_back_bet
from ledger.transactions import PaymentRequest
from ledger.withdrawals import approve_withdrawal, reject_withdrawal, request_withdrawal
from loadgen import behaviour
from loadgen.history import Session

ACTOR = "history"
PlayerKey = tuple[int, UUID]
NEVER = datetime.min.replace(tzinfo=UTC)

# How often things happen that the bots' behaviour does not decide.
UNPAID, FAILED, CHARGED_BACK = 0.03, 0.05, 0.004  # of deposits
GRANTED = 0.02  # of visits
CASHES_OUT = 0.45  # of visits that could
PAYOUT_FAILS = 0.02  # of payouts
ROLLED_BACK = 0.0007  # of bets
COMES_BACK, MOST_COMEBACKS = 0.75, 3  # of visits that ended for want of money


class Lobby:
    """Each operator's games as a player sees them, and the bonus policy's limit of a wager."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.games: dict[int, list[Mapping[str, Any]]] = {
            operator_id: [
                {
                    "game_id": game.game_id,
                    "wager_step": game.wager_step,
                    "min_wager": game.min_wager,
                    "max_wager": game.max_wager,
                }
                for _, game in sorted(terms.games.items())
                if game.offered
            ]
            for operator_id, terms in catalogue.operators.items()
        }
        self.max_bet = {
            operator_id: terms.policy.max_bet for operator_id, terms in catalogue.operators.items()
        }


class Clock:
    """The last moment at which each player did anything: nothing of theirs may come before it."""

    def __init__(self) -> None:
        self._last: dict[PlayerKey, datetime] = {}

    def last(self, key: PlayerKey) -> datetime:
        """When the player last did anything."""
        return self._last.get(key, NEVER)

    def moment(self, key: PlayerKey, wanted: datetime) -> datetime:
        """``wanted``, or just after what the player did last; it is the last from now on."""
        last = self.last(key)
        if wanted <= last:
            wanted = last + timedelta(milliseconds=1)
        self._last[key] = wanted
        return wanted


class Visit:
    """A session while it is played."""

    def __init__(self, session: Session, key: PlayerKey, lobby: Lobby, rng: Random) -> None:
        self.player = session.player
        self.key = key
        self.broke = False
        self.last_at = session.spins[0]
        self.to_roll_back: list[UUID] = []
        self._spins = list(reversed(session.spins))
        self._unplayed: list[datetime] = []
        self._comebacks = 0
        self._lobby = lobby
        self._rng = rng
        self._game: Mapping[str, Any] | None = None

    @property
    def start(self) -> datetime:
        """When the player comes, a little before the next spin."""
        return self._spins[-1] - timedelta(seconds=30)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to play, or to play with."""
        return self.broke or not self._spins

    def comes_back(self, hour: datetime) -> bool:
        """Whether a player who ran out of money is back in the next hour, to play the rest."""
        rest = self._unplayed + self._spins[::-1]
        if not self.broke or not rest or self._comebacks == MOST_COMEBACKS:
            return False
        if self._rng.random() >= COMES_BACK:
            return False
        later = hour + timedelta(seconds=self._rng.uniform(60, 1800)) - rest[0]
        self._spins = [at + later for at in reversed(rest)]
        self._unplayed.clear()
        self._comebacks += 1
        self.broke = False
        return True

    def turns(self, until: datetime, clock: Clock) -> list[Turn]:
        """The turns before ``until``; those that come after what they waited for are left out."""
        turns = []
        while self._spins and self._spins[-1] < until:
            at = self._spins.pop()
            if at > clock.last(self.key):
                turns.append(
                    Turn(at=at, operator_id=self.key[0], user_id=self.key[1], wish=self._wish)
                )
        return turns

    def settled(self, turn: Turn, outcome: SpinResult | Refusal | None, clock: Clock) -> None:
        """Hear what became of a turn."""
        if outcome is None:
            self._unplayed.append(turn.at)
        else:
            self.last_at = clock.moment(self.key, turn.at)
        if isinstance(outcome, SpinResult):
            real = outcome.bet_type == "REAL" and not outcome.jackpot
            if real and self._rng.random() < ROLLED_BACK:
                self.to_roll_back.append(outcome.bet_id)
        elif isinstance(outcome, Refusal):
            self._game = None  # another one next time

    def _wish(self, state: PlayerState) -> SpinRequest | None:
        """A free spin if there is one, else a wager that the funds cover."""
        grant = next((item for item in state.grants if item.used < item.count), None)
        if grant is not None and self._rng.random() < 0.9:
            return self._request(grant.game_id, 0, free=True)
        persona = self.player.persona
        if self._game is None or behaviour.moves_on(persona, self._rng):
            self._game = behaviour.choose_game(self._lobby.games[self.key[0]], self._rng)
        funds = behaviour.Funds(
            state.real_balance, state.bonus_balance, self._lobby.max_bet[self.key[0]]
        )
        wager = (
            None if self.broke else behaviour.choose_wager(persona, self._game, funds, self._rng)
        )
        if wager is None:
            self.broke = True
            return None
        return self._request(self._game["game_id"], wager)

    def _request(self, game_id: int, wager: int, *, free: bool = False) -> SpinRequest:
        return SpinRequest(
            operator_id=self.key[0],
            user_id=self.key[1],
            game_id=game_id,
            wager=wager,
            client_seed=f"{self._rng.getrandbits(64):016x}",
            idempotency_key=f"{ACTOR}-{uuid7()}",
            fingerprint=ACTOR.encode(),
            free_spin=free,
        )


class PastDesk:
    """Money in and out at moments of the past. ``later`` collects what the operator's staff and
    the provider do on another day: (when, player, transaction row, event)."""

    def __init__(self, desk: MoneyDesk, clock: Clock, rng: Random, counts: Counter[str]) -> None:
        self.later: list[tuple[datetime, PlayerKey, Any, str]] = []
        self._desk = desk
        self._clock = clock
        self._rng = rng
        self._counts = counts

    async def arrive(self, visit: Visit, state: PlayerState | None) -> None:
        """Pay in if what is left would not last, as a persona does; sometimes find a present."""
        persona, rng = visit.player.persona, self._rng
        left = state.real_balance + state.bonus_balance if state else 0
        if left < 15 * persona.usual_wager:
            await self._pay_in(visit, behaviour.choose_deposit(persona, rng))
        elif rng.random() < GRANTED:
            at = self._clock.moment(visit.key, visit.start)
            async with player_command(self._desk.at(at), *visit.key) as command:
                amount = persona.usual_wager * 5
                give_bonus(command, amount=amount, kind="GRANT", source_id=uuid7())
            self._counts["bonuses granted"] += 1

    async def _pay_in(self, visit: Visit, amount: int) -> None:
        key, rng = visit.key, self._rng
        opened_at = self._clock.moment(key, visit.start)
        request = self._payment(visit, amount)
        try:
            row, _ = await create_deposit(self._desk.at(opened_at), request)
        except Refusal:
            return  # a limit; the player plays with what there is
        fate = rng.random()
        if fate < UNPAID:
            return
        paid_at = self._clock.moment(key, opened_at + timedelta(seconds=rng.uniform(4, 25)))
        if fate < UNPAID + FAILED:
            await self._tell(row, "deposit.failed", paid_at)
            return
        await self._tell(row, "deposit.completed", paid_at)
        self._counts["deposits"] += 1
        if rng.random() < CHARGED_BACK:
            back_at = paid_at + timedelta(days=rng.uniform(3, 15))
            self.later.append((back_at, key, row, "deposit.reversed"))

    async def leave(self, visit: Visit, at: datetime) -> PlayerState | None:
        """What is wrong with a bet is rolled back; who may take money out sometimes does, or gives
        up a bonus that is in the way."""
        for bet_id in visit.to_roll_back:
            moment = self._clock.moment(visit.key, at)
            await roll_back_bet(self._desk.at(moment), bet_id, "The game reported a fault.", ACTOR)
            self._counts["rollbacks"] += 1
        visit.to_roll_back.clear()
        if self._rng.random() >= CASHES_OUT:
            return None
        moment = self._clock.moment(visit.key, at)
        async with player_command(self._desk.at(moment), *visit.key) as command:
            state = command.player
        return await self._cash_out(visit, state, moment)

    async def _cash_out(self, visit: Visit, state: PlayerState, at: datetime) -> PlayerState | None:
        persona, rng = visit.player.persona, self._rng
        available, reason = withdrawable(
            real_balance=state.real_balance,
            debt=state.debt,
            deposit_required=state.deposit_wagering_required,
            deposit_progress_e4=state.deposit_wagering_progress_e4,
            open_bonus_requirement=state.bonus.outstanding,
        )
        wallet = {
            "real_balance": state.real_balance,
            "withdrawable_reason": reason,
            "bonuses": state.bonus.tasks,
        }
        if behaviour.waives(persona, wallet, rng):
            await waive_bonuses(self._desk.at(at), *visit.key, state.bonus.tasks[0].task_id)
            self._counts["bonuses waived"] += 1
            return None
        amount = behaviour.choose_withdrawal(persona, available, rng)
        if amount is None:
            return None
        try:
            step = await request_withdrawal(self._desk.at(at), self._payment(visit, amount))
        except Refusal:
            return None  # a limit; another day
        self._counts["withdrawals"] += 1
        decided_at = at + timedelta(hours=min(rng.lognormvariate(0.7, 1.0), 48))
        event = "payout.failed" if rng.random() < PAYOUT_FAILS else "payout.completed"
        if not behaviour.approves(rng):
            event = "reject"
        self.later.append((decided_at, visit.key, step.row, event))
        return step.player

    async def catch_up(self, until: datetime) -> None:
        """Let staff and provider do what was due before ``until``.

        Withdrawals that are not due yet stay PENDING: nothing is left half paid.
        """
        due = sorted((item for item in self.later if item[0] < until), key=lambda item: item[0])
        self.later = [item for item in self.later if item[0] >= until]
        for due_at, key, row, event in due:
            at = self._clock.moment(key, due_at)
            if event == "deposit.reversed":
                await self._tell(row, event, at)
                self._counts["chargebacks"] += 1
            else:
                await self._decide(key, row, event, at, until)

    async def _decide(
        self, key: PlayerKey, row: Any, event: str, at: datetime, until: datetime
    ) -> None:
        """What the operator's staff did about a withdrawal, unless the present's was quicker."""
        desk, transaction_id = self._desk.at(at), row["transaction_id"]
        reason = "Not in line with our terms."
        try:
            if event != "reject":
                try:
                    await approve_withdrawal(
                        desk, key[0], transaction_id, actor=ACTOR, witness=_nobody
                    )
                except Refusal as refusal:
                    if refusal.code != "withdrawal_not_allowed":
                        raise
                    # A chargeback left a debt, which the held money repays.
                    event, reason = "reject", "A reversed payment is owed."
            if event == "reject":
                await reject_withdrawal(
                    desk, key[0], transaction_id, reason=reason, actor=ACTOR, witness=_nobody
                )
                return
        except Refusal as refusal:
            if refusal.code != "withdrawal_not_pending":
                raise
            return
        soon = max((until - at).total_seconds(), 10.0)  # in time for whoever looks at ``until``
        paid_at = self._clock.moment(key, at + timedelta(seconds=self._rng.uniform(5, soon)))
        await self._tell(row, event, paid_at)

    async def _tell(self, row: Any, event_type: str, at: datetime) -> None:
        """What the payment provider reports."""
        event = ProviderEvent(
            provider=row["provider"],
            webhook_id=f"{ACTOR}-{uuid7()}",
            event_type=event_type,
            transaction_id=str(row["transaction_id"]),
            amount=row["amount"],
            currency=row["currency"],
        )
        result = await apply_webhook(self._desk.at(at), event)
        if result.outcome != "applied":
            raise RuntimeError(f"{event_type} of {row['transaction_id']}: {result.outcome}")

    def _payment(self, visit: Visit, amount: int) -> PaymentRequest:
        return PaymentRequest(
            operator_id=visit.key[0],
            user_id=visit.key[1],
            amount=amount,
            method=visit.player.method,
            idempotency_key=f"{ACTOR}-{uuid7()}",
            fingerprint=ACTOR.encode(),
        )


async def _nobody(_: Connection) -> None:
    """No member of the staff decided this, so none is put on record."""
