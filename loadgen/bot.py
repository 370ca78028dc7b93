"""A bot as a locust user: what it asks the API, answer by answer."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

import gevent
from locust import task
from locust.exception import RescheduleTask

from loadgen import behaviour
from loadgen.api_user import Answer, ApiUser
from loadgen.roster import Seats

_DEPOSIT_POLLS = 60
_DEPOSIT_POLL_SECONDS = 0.5
# The mock provider forgets what it has not reported when its process ends; paying is repeatable.
_POLLS_BEFORE_PAYING_AGAIN = 20
_DEPOSIT_PAUSE_SECONDS = 300.0


class BotUser(ApiUser):
    """Logs in, deposits, plays, looks at its wallet, logs out. Subclassed once per persona."""

    abstract = True

    persona: ClassVar[behaviour.Persona]
    seats: ClassVar[Seats]
    password: ClassVar[str]

    def __init__(self, environment: Any) -> None:
        self.bot = self.seats.take(self.persona.name)
        super().__init__(environment, self.bot.operator_slug, self.bot.username, self.password)
        self.funds = behaviour.Funds()
        self.games: list[Mapping[str, Any]] = []
        self.game: Mapping[str, Any] | None = None
        self.free_spins: list[dict[str, Any]] = []
        self._break_seconds = 0.0

    def wait_time(self) -> float:
        """Seconds until the next thing it does."""
        pause, self._break_seconds = self._break_seconds, 0.0
        return pause + behaviour.think_seconds(self.persona, self.rng)

    def on_start(self) -> None:
        """Come in: log in, look at the lobby, the wallet and the presents."""
        # Not all at the same moment, when the swarm starts at once.
        gevent.sleep(self.rng.random())
        self.log_in()
        self.browse()
        self.look_at_wallet()
        self.look_for_free_spins()

    def on_stop(self) -> None:
        """Leave; the seat is free for another."""
        self.log_out()
        self.seats.give_back(self.bot)

    @task(100)
    def spin(self) -> None:
        """One spin, free if there are any; a lost answer is asked for again under the same key."""
        if self.free_spins:
            self.spin_free()
            return
        game = self.game
        if game is None or behaviour.moves_on(self.persona, self.rng):
            game = self.game = behaviour.choose_game(self.games, self.rng)
        wager = behaviour.choose_wager(self.persona, game, self.funds, self.rng)
        if wager is None:
            self.deposit()
            return
        answer = self._play({"game_id": game["game_id"], "wager": wager})
        if answer.verdict == "ok":
            self.tally.spun(self.operator, wager, answer.body["win"])
        elif answer.code == "insufficient_funds":
            self.look_at_wallet()
            if self.funds.real < wager:  # what it has left is bonus that this game does not take
                self.deposit()
        elif answer.code == "limit_exceeded" and answer.body.get("limit") == "max_bet":
            self.funds.max_bet = answer.body["max_wager"]
        elif answer.verdict == "refused":
            self.game = None
            self.browse()

    def spin_free(self) -> None:
        """One of the free spins it was given."""
        grant = self.free_spins[0]
        answer = self._play({"game_id": grant["game_id"], "free_spin": True})
        if answer.verdict == "ok":
            grant["left"] -= 1
            self.tally.spun_free(self.operator)
        if answer.verdict != "ok" or grant["left"] == 0:
            self.free_spins.pop(0)

    @task(3)
    def look_at_wallet(self) -> None:
        """Read the balances."""
        answer = self.ask("GET", "/wallet")
        if answer.verdict == "ok":
            self.funds.real = answer.body["real_balance"]
            self.funds.bonus = answer.body["bonus_balance"]

    @task(2)
    def browse(self) -> None:
        """Read the lobby of its operator."""
        answer = self.ask("GET", f"/games?operator={self.operator}&limit=500")
        if answer.verdict == "ok" and answer.body["items"]:
            self.games = answer.body["items"]
        if not self.games:
            gevent.sleep(5)
            raise RescheduleTask("the operator offers no game yet")

    @task(1)
    def look_for_free_spins(self) -> None:
        """See what it has been given."""
        answer = self.ask(
            "GET", "/bonuses?include_closed=false", name="/bonuses?include_closed=false"
        )
        if answer.verdict == "ok":
            self.free_spins = [
                {"game_id": grant["game_id"], "left": grant["count"] - grant["used"]}
                for grant in answer.body["free_spins"]
                if grant["status"] == "ACTIVE"
            ]

    @task(1)
    def look_at_jackpots(self) -> None:
        """See how high the pools are."""
        self.ask("GET", "/jackpots", session=False)

    @task(4)
    def cash_out(self) -> None:
        """Withdraw some of what it may, if it feels rich; else give up a bonus in its way."""
        wallet = self.ask("GET", "/wallet")
        if wallet.verdict != "ok":
            return
        amount = behaviour.choose_withdrawal(self.persona, wallet.body["withdrawable"], self.rng)
        if amount is not None:
            body = {"amount": amount, "method": "card"}
            answer = self.ask("POST", "/withdrawals", body, key=str(uuid.uuid4()))
            if answer.verdict == "ok":
                self.tally.withdrew(amount)
            self.look_at_wallet()
        elif behaviour.waives(self.persona, wallet.body, self.rng):
            bonus_id = wallet.body["bonuses"][0]["bonus_id"]
            self.ask("POST", f"/bonuses/{bonus_id}/waive", name="/bonuses/{id}/waive")
            self.look_at_wallet()

    def deposit(self) -> None:
        """Pay in through the provider and wait for the money; at a limit, take a long break."""
        amount = behaviour.choose_deposit(self.persona, self.rng)
        body = {"amount": amount, "method": "card"}
        opened = self.ask("POST", "/deposits", body, key=str(uuid.uuid4()))
        if opened.verdict != "ok":
            self._break_seconds = _DEPOSIT_PAUSE_SECONDS * (0.5 + self.rng.random())
            return
        pay_url = opened.body["instructions"]["pay_url"]
        path = f"/deposits/{opened.body['transaction_id']}"
        for poll in range(_DEPOSIT_POLLS):
            if poll % _POLLS_BEFORE_PAYING_AGAIN == 0:
                self.ask("POST", pay_url, {}, session=False, name="mock provider: pay")
            gevent.sleep(_DEPOSIT_POLL_SECONDS)
            state = self.ask("GET", path, name="/deposits/{id}")
            if state.verdict == "ok" and state.body["status"] != "PENDING":
                if state.body["status"] == "COMPLETED":
                    self.tally.deposited(amount)
                break
        self.look_at_wallet()
        self.look_for_free_spins()

    def _play(self, body: dict[str, Any]) -> Answer:
        answer = self.ask("POST", "/game/spin", body, key=str(uuid.uuid4()))
        if answer.verdict == "ok":
            self.funds.real = answer.body["balances"]["real"]
            self.funds.bonus = answer.body["balances"]["bonus"]
            if answer.body["jackpot"]:
                self.tally.hit_jackpot()
            if answer.body["vip"]["level_up"]:
                self.look_for_free_spins()
        return answer
