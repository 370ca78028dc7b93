"""The money machine: any commands in any order, and after each one every book agrees.

Hypothesis plays players, providers, operators and staff against the real ledger. After every step:

- every balance is the sum of its postings, and no balance is negative;
- every journal balances;
- the bonus balance is the sum of the open tasks, the held balance that of open withdrawals;
- what the warehouse has been told of the players' liability is what the wallets hold;
- experience is the sum of what bets and deposits have granted;
- pools hold their seeds plus contributions minus payouts, to 1/10,000 of a minor unit.

Bets sent to one batcher at once must end as the same bets settled one by one by the pure rules.
Whole-ledger reconciliation runs at the end of each example.

The same steps are taken every time. ``PITBOSS_MACHINE_EXAMPLES=1000`` hunts for longer and by other
steps, ``PITBOSS_MACHINE_SHRINK=1`` looks for a shorter way to a failure.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    invariant,
    run_state_machine_as_test,
)

from tests.support.cashier import (
    bonus,
    deposit,
    differences,
)
from tests.support.casino import Casino, open_casino
from tests.support.machine.bonuses import BonusRules
from tests.support.machine.payments import PaymentRules
from tests.support.machine.play import PlayRules

EXAMPLES = int(os.environ.get("PITBOSS_MACHINE_EXAMPLES", "66"))
PHASES = (
    (Phase.generate, Phase.shrink) if "PITBOSS_MACHINE_SHRINK" in os.environ else (Phase.generate,)
)
STEPS = 180
AT_LEAST = 10_000
# What a run meets a few times only may by chance not happen at all: games draw at random. Each has
# tests of its own.
RARE = {
    "bet mixed",
    "deposit reversed",
    "rollbacks into debt",
    "spins revoked",
    "withdrawal completed",
    "withdrawal failed",
}


class MoneyMachine(PaymentRules, BonusRules, PlayRules):
    """All rules together, and what holds after every step."""

    @invariant()
    def every_book_agrees(self) -> None:
        if not self.players:
            return
        self.casino.steps += 1
        now = self.run(self.casino.auditor.fetchval("SELECT clock_timestamp()"))
        found = self.run(self.casino.violations(self.players, self.since or now))
        assert found == [], [dict(row) for row in found]
        assert self.run(self.casino.pool_gaps(self.players)) == self.gaps
        self.since = now

    def teardown(self) -> None:
        if self.players:
            found = self.run(differences(self.casino.world))
            assert found == []


@pytest.fixture(scope="module")
def casino(postgres_url: str, secret_key: str) -> Iterator[Casino]:
    """The machine's casino, on the module's database."""
    with open_casino(postgres_url, secret_key) as opened:
        yield opened


TAMPERING = (
    "UPDATE wallet SET real_balance = real_balance + 1",
    "UPDATE wallet SET held_balance = 1",
    "UPDATE wallet SET debt = 1",
    "INSERT INTO outbox (topic, key, payload) SELECT topic, key, payload FROM outbox "
    "WHERE payload ->> 'kind' = 'DEPOSIT'",
    "UPDATE bonus_task SET balance = balance - 1",
    'UPDATE "user" SET vip_experience = vip_experience + 1',
    "UPDATE jackpot_pool SET amount_e4 = amount_e4 + 1 WHERE name = 'hot'",
)


def test_the_auditor_notices_a_single_unit(casino: Casino) -> None:
    player = casino.run(casino.world.player(casino.brands[0]))
    since = casino.run(casino.auditor.fetchval("SELECT clock_timestamp()"))
    casino.run(deposit(casino.desk, player, 1_000))
    casino.run(bonus(casino.desk, player, 100))
    gaps = casino.run(casino.pool_gaps([player]))
    assert casino.run(casino.violations([player], since)) == []
    for statement in TAMPERING:
        transaction = casino.auditor.transaction()
        casino.run(transaction.start())
        casino.run(casino.auditor.execute(statement))
        noticed = casino.run(casino.violations([player], since))
        moved = casino.run(casino.pool_gaps([player])) != gaps
        casino.run(transaction.rollback())
        assert noticed or moved, statement


@pytest.mark.timeout(1_800)
def test_the_books_agree_after_every_step(casino: Casino) -> None:
    machine = type("Machine", (MoneyMachine,), {"casino": casino})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            derandomize="PITBOSS_MACHINE_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType],
        ),
    )
    happened = casino.run(casino.tally())
    print(f"{casino.steps} steps: {happened}")
    assert casino.steps >= min(AT_LEAST, EXAMPLES * STEPS // 2)
    if EXAMPLES >= 60:
        assert {what for what, times in happened.items() if not times} <= RARE
