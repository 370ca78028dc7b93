"""Refusals by a money or account rule: a stable code, a sentence for people, and facts."""

from typing import Any


class Refusal(Exception):
    """A rule says no and nothing has changed.

    ``code`` is stable and part of the HTTP contract (``insufficient_funds``, …); ``detail`` is a
    sentence for the person who asked; ``facts`` are further fields of the problem document.
    """

    def __init__(self, code: str, detail: str, **facts: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.facts = facts
