"""What the analytics bench asks: of the API, of the raw table and of Postgres, the same."""

from datetime import datetime

import msgspec

GAME_TARGET_MS = 50.0
LIST_TARGET_MS = 100.0
TOP_PLAYERS = 50
PAGE = 50


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question about one operator: an endpoint, its target at the 95th percentile, and files.

    ``reference`` names the query in ``sql/raw_*.sql`` and ``sql/postgres_*.sql``; both take the
    operator, a start and an end.
    """

    name: str
    path: str
    reference: str
    target_ms: float
    start: datetime
    end: datetime

    @property
    def query(self) -> dict[str, str]:
        """The endpoint's parameters. A report's period stays open, as on a dashboard: what came in
        since the last answer must be in the next."""
        match self.reference:
            case "overview" | "games":
                return {"from": self.start.isoformat()}
            case "players":
                return {"from": self.start.isoformat(), "limit": str(PAGE)}
            case _:
                period = {"from": self.start.isoformat(), "to": self.end.isoformat()}
                return period | {"limit": str(PAGE)}


def questions(now: datetime, history: datetime) -> list[Question]:
    """What is asked when data begins at ``history``: a month that begins in the middle of an hour,
    and everything there is."""
    half = history + (now - history) / 2
    month = max(history, now.replace(minute=17, second=3) - (now - history) / 12)
    spans = {"30 days": month, "all": history}
    asked = [
        Question(
            name=f"{name}, {span}",
            path=f"/operator/analytics/{name}",
            reference=name,
            target_ms=GAME_TARGET_MS if name != "players" else LIST_TARGET_MS,
            start=start,
            end=now,
        )
        for name in ("overview", "games", "players")
        for span, start in spans.items()
    ]
    pages = {"newest": now, "half a history back": half}
    return asked + [
        Question(
            name=f"transactions, {name}",
            path="/operator/transactions",
            reference="transactions",
            target_ms=LIST_TARGET_MS,
            start=history,
            end=end,
        )
        for name, end in pages.items()
    ]
