"""A bot as a locust user: what it asks the API, answer by answer."""

import json
import uuid
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, task
from locust.exception import RescheduleTask, StopUser

from loadgen import behaviour
from loadgen.roster import Seats
from loadgen.tally import Tally

_ATTEMPTS = 6
_DEPOSIT_POLLS = 60
_DEPOSIT_POLL_SECONDS = 0.5
# The mock provider forgets what it has not reported when its process ends; paying is repeatable.
_POLLS_BEFORE_PAYING_AGAIN = 20
_DEPOSIT_PAUSE_SECONDS = 300.0


class Answer:
    """The end of a request with its retries: verdict, problem code and body."""

    def __init__(self, verdict: behaviour.Verdict, code: str | None, body: Any) -> None:
        self.verdict = verdict
        self.code = code
        self.body = body


class BotUser(FastHttpUser):
    """Logs in, deposits, plays, looks at its wallet, logs out. Subclassed once per persona."""

    abstract = True
    connection_timeout = 10.0
    network_timeout = 15.0

    persona: ClassVar[behaviour.Persona]
    seats: ClassVar[Seats]
    password: ClassVar[str]
    tally: ClassVar[Tally]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.bot = self.seats.take(self.persona.name)
        self.rng = Random(self.bot.username)
        self.real_balance = 0
        self.games: list[Mapping[str, Any]] = []
        self.game: Mapping[str, Any] | None = None
        self._token: str | None = None
        self._break_seconds = 0.0

    def wait_time(self) -> float:
        """Seconds until the next thing it does."""
        pause, self._break_seconds = self._break_seconds, 0.0
        return pause + behaviour.think_seconds(self.persona, self.rng)

    def on_start(self) -> None:
        """Come in: log in, look at the lobby and the wallet, pay in if there is nothing to play."""
        # Not all at the same moment, when the swarm starts at once.
        gevent.sleep(self.rng.random())
        self.log_in()
        self.browse()
        self.look_at_wallet()

    def on_stop(self) -> None:
        """Leave: log out, so that no session stays behind; the seat is free for another."""
        if self._token:
            self.ask("POST", "/auth/logout", retries=False)
        self.seats.give_back(self.bot)

    @task(100)
    def spin(self) -> None:
        """One spin; a lost answer is asked for again under the same key."""
        game = self.game
        if game is None or behaviour.moves_on(self.persona, self.rng):
            game = self.game = behaviour.choose_game(self.games, self.rng)
        wager = behaviour.choose_wager(self.persona, game, self.real_balance, self.rng)
        if wager is None:
            self.deposit()
            return
        answer = self.ask(
            "POST",
            "/game/spin",
            {"game_id": game["game_id"], "wager": wager},
            key=str(uuid.uuid4()),
        )
        if answer.verdict == "ok":
            self.real_balance = answer.body["balances"]["real"]
            self.tally.spun(self.bot.operator_slug, wager, answer.body["win"])
        elif answer.code == "insufficient_funds":
            self.look_at_wallet()
        elif answer.verdict == "refused":
            self.game = None
            self.browse()

    @task(3)
    def look_at_wallet(self) -> None:
        """Read the balances."""
        answer = self.ask("GET", "/wallet")
        if answer.verdict == "ok":
            self.real_balance = answer.body["real_balance"]

    @task(2)
    def browse(self) -> None:
        """Read the lobby of its operator."""
        answer = self.ask("GET", f"/games?operator={self.bot.operator_slug}&limit=500")
        if answer.verdict == "ok" and answer.body["items"]:
            self.games = answer.body["items"]
        if not self.games:
            gevent.sleep(5)
            raise RescheduleTask("the operator offers no game yet")

    def log_in(self) -> None:
        """Open a session; a bot that is not seeded, or may not enter, leaves for good."""
        form = {
            "operator": self.bot.operator_slug,
            "login": self.bot.username,
            "password": self.password,
            "transport": "bearer",
        }
        answer = self.ask("POST", "/auth/login", form, session=False)
        if answer.verdict != "ok":
            self.tally.stayed_out(answer.code or "no answer")
            raise StopUser
        self._token = answer.body["token"]

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

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        name: str | None = None,
        session: bool = True,
        retries: bool = True,
    ) -> Answer:
        """Send a request until it is answered; the same key every time.

        An expected refusal counts as success in locust's statistics. An expired session is opened
        again, once.
        """
        answer = Answer("failed", None, None)
        for attempt in range(1, _ATTEMPTS + 1 if retries else 2):
            answer, retry_after = self._send(method, path, body, key, name, session)
            if answer.code == "not_authenticated" and session and attempt == 1:
                self.log_in()
            elif answer.verdict != "retry":
                break
            else:
                self.tally.retried()
                gevent.sleep(behaviour.retry_seconds(attempt, retry_after, self.rng))
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        key: str | None,
        name: str | None,
        session: bool,
    ) -> tuple[Answer, str]:
        headers = {"Idempotency-Key": key} if key else {}
        if session:
            headers["Authorization"] = f"Bearer {self._token}"
        with self.client.request(
            method,
            path,
            json=body,
            headers=headers,
            name=name or path.partition("?")[0],
            catch_response=True,
        ) as response:
            content = _json(response.content)
            code = content.get("code") if isinstance(content, dict) else None
            verdict = behaviour.judge(response.status_code, code)
            if verdict in ("ok", "refused"):
                response.success()
            else:
                reason = code or getattr(response, "error", None) or "no problem document"
                response.failure(f"{response.status_code} {reason}")
            retry_after = response.headers.get("Retry-After") if response.headers else None
            return Answer(verdict, code, content), str(retry_after or "")
        raise AssertionError("the response's context never swallows an exception")


def _json(content: bytes | None) -> Any:
    """The body as JSON; None for an empty body or one that a proxy wrote."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
