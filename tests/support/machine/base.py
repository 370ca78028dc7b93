"""What the money machine's rules share: who plays, how work is done, how things are picked."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from ledger.bet_record import SpinRequest, SpinResult
from ledger.errors import Refusal
from tests.support.casino import Casino
from tests.support.world import Player

picks = st.integers(0, 999)


class Machine(RuleBasedStateMachine):
    """Commands on a few players of two brands. Picks select by remainder, so all are valid.

    Games draw from fresh seeds, so whether a bet is covered or a withdrawal allowed differs from
    run to run. Preconditions may therefore not ask about either; such rules return instead.
    """

    casino: Casino

    def __init__(self) -> None:
        super().__init__()
        self.players: list[Player] = []
        self.deposits: list[Any] = []
        self.webhooks: list[Any] = []
        self.withdrawals: list[Any] = []
        self.approved: list[Any] = []
        self.bets: list[tuple[SpinRequest, SpinResult]] = []
        self.since: Any = None
        self.gaps: dict[int, int] = {}

    def run(self, work: Any) -> Any:
        return self.casino.run(work)

    def attempt(self, work: Any, *codes: str) -> Any:
        """Do it; a refusal with one of these codes is as good, and gives None."""
        try:
            return self.casino.run(work)
        except Refusal as refusal:
            if refusal.code not in codes:
                raise
            return None

    def player(self, pick: int) -> Player:
        return self.players[pick % len(self.players)]

    def game(self, pick: int) -> int:
        return self.casino.games[pick % len(self.casino.games)]

    async def open_tasks(self, player: Player) -> list[Any]:
        rows = await self.casino.world.owner.fetch(
            "SELECT task_id FROM bonus_task WHERE operator_id = $1 AND user_id = $2 "
            "AND status = 'ACTIVE'",
            player.operator_id,
            player.user_id,
        )
        return [row[0] for row in rows]
