"""The money machine's bonuses: granted, waived, expired, and cashback."""

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)

from ledger.cashback import pay_cashback
from ledger.grants import expire_benefits, waive_bonuses
from ledger.weeks import week_of
from tests.support.cashier import (
    bonus,
    free_spins,
    wallet,
)
from tests.support.machine.base import Machine, picks


class BonusRules(Machine):
    """What gives and ends bonuses besides bets."""

    @rule(pick=picks, amount=st.sampled_from([5, 60, 250, 500, 999]))
    def grant_bonus(self, pick: int, amount: int) -> None:
        self.run(bonus(self.casino.desk, self.player(pick), amount))

    @rule(pick=picks, game=picks, count=st.integers(1, 3), stake=st.sampled_from([2, 20, 100]))
    def grant_free_spins(self, pick: int, game: int, count: int, stake: int) -> None:
        self.run(free_spins(self.casino.desk, self.player(pick), self.game(game), stake, count))

    @rule(pick=picks, which=picks)
    def waive(self, pick: int, which: int) -> None:
        """Seldom: bonuses that are played tell more."""
        player = self.player(pick)
        open_tasks = self.run(self.open_tasks(player))
        if not open_tasks or which % 3:
            return
        task = open_tasks[which % len(open_tasks)]
        ended = self.run(waive_bonuses(self.casino.desk, player.operator_id, player.user_id, task))
        assert sorted(ended) == sorted(open_tasks)
        after = self.run(wallet(self.casino.world, player))
        assert (after["bonus_balance"], after["bonus_wagering_required"]) == (0, 0)

    @rule(pick=picks, table=st.sampled_from(["bonus_task", "free_spin_grant"]), sweep=st.booleans())
    def time_passes(self, pick: int, table: str, sweep: bool) -> None:
        """The oldest bonus or free spins run out; the sweep may come, or a bet may meet them."""
        player, key = self.player(pick), table.rpartition("_")[2] + "_id"
        self.run(
            self.casino.world.owner.execute(
                f"UPDATE {table} SET expires_at = clock_timestamp() - interval '1 s' WHERE {key} = "
                f"(SELECT {key} FROM {table} WHERE operator_id = $1 AND user_id = $2 "
                f"AND status = 'ACTIVE' ORDER BY {key} LIMIT 1)",
                player.operator_id,
                player.user_id,
            )
        )
        if sweep:
            self.sweep()

    @rule()
    def sweep(self) -> None:
        now = self.run(self.casino.auditor.fetchval("SELECT clock_timestamp()"))
        self.run(expire_benefits(self.casino.desk, now))
        assert self.run(expire_benefits(self.casino.desk, now)) == 0

    @rule(pick=picks)
    def cashback_is_paid(self, pick: int) -> None:
        """For this week, as if it were over; a second run finds nobody left."""
        if pick % 4:
            return
        now = self.run(self.casino.auditor.fetchval("SELECT clock_timestamp()"))
        self.run(pay_cashback(self.casino.desk, week_of(now)))
        assert self.run(pay_cashback(self.casino.desk, week_of(now))).players == 0
