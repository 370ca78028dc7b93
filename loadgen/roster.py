"""Who the bots are: names, operators and personas, all derived from an index.

The roster is a pure function of the operators and the count, so that the swarm and the seeds agree
on it without passing a list around, and a larger roster always contains the smaller one.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A username has at most 32 characters: "bot-", the operator, "-", and up to five digits.
_OPERATOR_IN_NAME = 22


@dataclass(frozen=True)
class Bot:
    """One bot: a player flagged ``is_bot``."""

    operator_id: int
    operator_slug: str
    number: int
    username: str
    persona: str

    @property
    def email(self) -> str:
        """An address that exists nowhere."""
        return f"{self.username}@bots.example"

    def as_json(self, affiliate_codes: Sequence[str]) -> dict[str, str | None]:
        """The bot as one of ``POST /admin/players/bulk``; every third comes by an affiliate."""
        place, rest = divmod(self.number, 3)
        brought = affiliate_codes and rest == 0
        code = affiliate_codes[place % len(affiliate_codes)] if brought else None
        return {"username": self.username, "email": self.email, "affiliate_code": code}


def roster(operators: Sequence[Mapping[str, Any]], count: int) -> Iterator[Bot]:
    """``count`` bots dealt over the operators in turn: ``bot-<operator>-0001`` and onwards.

    ``operators`` are the entries of ``credentials.json``. Raises ``ValueError`` without any.
    """
    if not operators:
        raise ValueError("there is no operator yet: run `pitboss seed static` first")
    for index in range(count):
        operator = operators[index % len(operators)]
        number = index // len(operators) + 1
        slug = operator["slug"]
        yield Bot(
            operator_id=operator["operator_id"],
            operator_slug=slug,
            number=number,
            username=f"bot-{slug[:_OPERATOR_IN_NAME]}-{number:04d}",
            persona=persona_of(number),
        )


def persona_of(number: int) -> str:
    """Of twenty bots of an operator, one is a high roller, five are regular, the rest casual."""
    if number % 20 == 10:
        return "high_roller"
    return "regular" if number % 4 == 1 else "casual"


class Seats:
    """The bots that are not playing at the moment, by persona; each plays once at a time."""

    def __init__(self, bots: Iterable[Bot]) -> None:
        self._free: dict[str, deque[Bot]] = defaultdict(deque)
        for bot in bots:
            self._free[bot.persona].append(bot)

    def take(self, persona: str) -> Bot:
        """A free bot of this persona, else of any other. Raises ``IndexError`` when all play."""
        if self._free[persona]:
            return self._free[persona].popleft()
        for others in self._free.values():
            if others:
                return others.popleft()
        raise IndexError("every bot of the roster is playing already")

    def give_back(self, bot: Bot) -> None:
        """The bot has left; it goes to the end of the queue."""
        self._free[bot.persona].append(bot)

    def count(self, persona: str) -> int:
        """How many of this persona are free."""
        return len(self._free[persona])
