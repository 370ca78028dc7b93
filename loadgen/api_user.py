"""A locust user of the API with a session: requests with retries, judged answer by answer."""

import json
from random import Random
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser
from locust.exception import StopUser

from loadgen import behaviour
from loadgen.tally import Tally

_ATTEMPTS = 6


class Answer:
    """The end of a request with its retries: verdict, problem code and body."""

    def __init__(self, verdict: behaviour.Verdict, code: str | None, body: Any) -> None:
        self.verdict = verdict
        self.code = code
        self.body = body


class ApiUser(FastHttpUser):
    """Somebody with an account at an operator; ``username`` and ``password`` open its session."""

    abstract = True
    connection_timeout = 10.0
    network_timeout = 15.0

    tally: ClassVar[Tally]

    def __init__(self, environment: Any, operator: str, username: str, password: str) -> None:
        super().__init__(environment)
        self.operator = operator
        self.username = username
        self.rng = Random(f"{operator} {username}")
        self._password = password
        self._token: str | None = None

    def log_in(self) -> None:
        """Open a session; who is not seeded, or may not enter, leaves for good."""
        form = {
            "operator": self.operator,
            "login": self.username,
            "password": self._password,
            "transport": "bearer",
        }
        answer = self.ask("POST", "/auth/login", form, session=False)
        if answer.verdict != "ok":
            self.tally.stayed_out(answer.code or "no answer")
            raise StopUser
        self._token = answer.body["token"]

    def log_out(self) -> None:
        """End the session, so that none stays behind."""
        if self._token:
            self.ask("POST", "/auth/logout", retries=False)

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
