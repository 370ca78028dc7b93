"""The money machine: any commands in any order, and after each one every book agrees.

Hypothesis plays players, providers, operators and staff against the real ledger. After every step:

- every balance is the sum of its postings, and no balance is negative;
- every journal balances;
- the bonus balance is the sum of the open tasks, the held balance that of open withdrawals;
- experience is the sum of what bets and deposits have granted;
- pools hold their seeds plus contributions minus payouts, to 1/10,000 of a minor unit.

Bets sent to one batcher at once must end as the same bets settled one by one by the pure rules.
Whole-ledger reconciliation runs at the end of each example.

The same steps are taken every time. ``PITBOSS_MACHINE_EXAMPLES=1000`` hunts for longer and by other
steps, ``PITBOSS_MACHINE_SHRINK=1`` looks for a shorter way to a failure.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from uuid_utils.compat import uuid7

from ledger.batch import BetBatcher, Settled
from ledger.bet_record import SpinRequest, SpinResult
from ledger.cashback import pay_cashback
from ledger.deposits import create_deposit, expire_deposits
from ledger.errors import Refusal
from ledger.grants import expire_benefits, waive_bonuses
from ledger.provider_events import apply_webhook
from ledger.rollback import roll_back_bet, roll_back_key
from ledger.wallets import rotate_seed
from ledger.weeks import week_of
from ledger.withdrawals import approve_withdrawal, reject_withdrawal, request_withdrawal
from tests.support.cashier import (
    bonus,
    deposit,
    differences,
    free_spin,
    free_spins,
    payment,
    tomorrow,
    wallet,
    webhook,
)
from tests.support.casino import Casino, open_casino
from tests.support.replay import comparable, load_state, replay, shape
from tests.support.world import Player

EXAMPLES = int(os.environ.get("PITBOSS_MACHINE_EXAMPLES", "60"))
PHASES = (
    (Phase.generate, Phase.shrink) if "PITBOSS_MACHINE_SHRINK" in os.environ else (Phase.generate,)
)
STEPS = 180
AT_LEAST = 10_000
# By chance these may not happen at all; they have tests of their own.
RARE = {"rollbacks into debt", "spins revoked"}

picks = st.integers(0, 999)
amounts = st.sampled_from([100, 100, 150, 333, 1_000])
wagers = st.sampled_from([1, 2, 7, 10, 50, 97, 100, 300, 500])
free = st.sampled_from([False, False, False, True])
bet_lists = st.lists(st.tuples(picks, picks, wagers, free), min_size=1, max_size=12)


async def nobody(connection: Any) -> None:
    """No audit entry: these acts are the test's."""


def _outcome(answer: Settled | BaseException) -> SpinResult | BaseException:
    return answer.result if isinstance(answer, Settled) else answer


class MoneyMachine(RuleBasedStateMachine):
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

    # --- people and payments in --------------------------------------------------------------

    @initialize()
    def open_the_doors(self) -> None:
        self.gaps = self.run(self.casino.pool_gaps([]))
        for brand in self.casino.brands:
            player = self.run(self.casino.world.player(brand))
            self.run(deposit(self.casino.desk, player, 500))
            self.players.append(player)

    @precondition(lambda self: len(self.players) < 6)
    @rule(pick=picks)
    def register(self, pick: int) -> None:
        brand = self.casino.brands[pick % len(self.casino.brands)]
        self.players.append(self.run(self.casino.world.player(brand)))

    @rule(pick=picks, amount=amounts)
    def open_deposit(self, pick: int, amount: int) -> None:
        row, replayed = self.run(
            create_deposit(self.casino.desk, payment(self.player(pick), amount))
        )
        assert not replayed
        self.deposits.append(row)

    @rule(pick=picks, amount=amounts)
    def pay_in(self, pick: int, amount: int) -> None:
        if pick % 3:
            return
        self.deposits.append(self.run(deposit(self.casino.desk, self.player(pick), amount)))

    @precondition(lambda self: self.deposits)
    @rule(
        pick=picks,
        event_type=st.sampled_from(
            ["deposit.completed", "deposit.completed", "deposit.failed", "deposit.reversed"]
        ),
        surplus=st.sampled_from([0, 0, 0, 1]),
    )
    def provider_speaks(self, pick: int, event_type: str, surplus: int) -> None:
        row = self.deposits[pick % len(self.deposits)]
        event = webhook(row, event_type, amount=row["amount"] + surplus)
        outcome = self.run(apply_webhook(self.casino.desk, event)).outcome
        assert surplus == 0 or outcome == "webhook_amount_mismatch"
        self.webhooks.append(event)

    @rule(pick=picks, times=st.integers(1, 3))
    def provider_repeats_itself(self, pick: int, times: int) -> None:
        if not self.webhooks:
            return
        event = self.webhooks[pick % len(self.webhooks)]

        async def at_once() -> None:
            await asyncio.gather(*(apply_webhook(self.casino.desk, event) for _ in range(times)))

        self.run(at_once())

    @precondition(lambda self: len(self.deposits) % 7 == 6)
    @rule()
    def deposits_expire(self) -> None:
        self.run(expire_deposits(self.casino.desk.pool, tomorrow()))

    # --- bonuses -----------------------------------------------------------------------------

    @rule(pick=picks, amount=st.sampled_from([5, 60, 250, 500, 999]))
    def grant_bonus(self, pick: int, amount: int) -> None:
        self.run(bonus(self.casino.desk, self.player(pick), amount))

    @rule(pick=picks, game=picks, count=st.integers(1, 3), stake=st.sampled_from([2, 20, 100]))
    def grant_free_spins(self, pick: int, game: int, count: int, stake: int) -> None:
        self.run(free_spins(self.casino.desk, self.player(pick), self._game(game), stake, count))

    @rule(pick=picks, which=picks)
    def waive(self, pick: int, which: int) -> None:
        """Seldom: bonuses that are played tell more."""
        player = self.player(pick)
        open_tasks = self.run(self._open_tasks(player))
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

    async def _open_tasks(self, player: Player) -> list[Any]:
        rows = await self.casino.world.owner.fetch(
            "SELECT task_id FROM bonus_task WHERE operator_id = $1 AND user_id = $2 "
            "AND status = 'ACTIVE'",
            player.operator_id,
            player.user_id,
        )
        return [row[0] for row in rows]

    # --- play --------------------------------------------------------------------------------

    @rule(bets=bet_lists)
    def bet_at_once(self, bets: list[tuple[int, int, int, bool]]) -> None:
        """One process: the batch must say and leave what one bet after the other does."""
        requests = self._requests(bets)
        before = self.run(load_state(self.casino.world, requests))
        answers = self.run(self._submit(requests, self.casino.batchers[:1]))
        alone = self.run(replay(self.casino.world, before, requests))
        assert [comparable(_outcome(a)) for a in answers] == [comparable(a) for a in alone]
        after = self.run(load_state(self.casino.world, requests))
        for key, player in after.players.items():
            assert shape(player.state) == shape(before.players[key].state)
        assert after.pools == before.pools
        self._remember(requests, answers)

    @rule(bets=bet_lists)
    def bet_from_two_processes(self, bets: list[tuple[int, int, int, bool]]) -> None:
        requests = self._requests(bets)
        answers = self.run(self._submit(requests, self.casino.batchers))
        self._remember(requests, answers)

    @rule(
        pick=picks,
        games=st.lists(picks, min_size=1, max_size=4),
        share=st.sampled_from(["half", "all", "over", "bonus", "everything"]),
    )
    def bet_a_share(self, pick: int, games: list[int], share: str) -> None:
        """Stakes made to the balances: this is how real money ends and bonuses are played."""
        player = self.player(pick)
        has = self.run(wallet(self.casino.world, player))
        real, held_bonus = has["real_balance"], has["bonus_balance"]
        stake = {
            "half": real // 2,
            "all": real,
            "over": real + held_bonus // 2,
            "bonus": held_bonus,
            "everything": real + held_bonus,
        }[share]
        wager = max(1, min(stake, 500 if held_bonus else 2_000))
        requests = [player.spin(self._game(game), wager) for game in games]
        self._remember(requests, self.run(self._submit(requests, self.casino.batchers[:1])))

    @rule(pick=picks, times=st.integers(1, 4))
    def ask_again(self, pick: int, times: int) -> None:
        if not self.bets:
            return
        request, first = self.bets[pick % len(self.bets)]
        answers = self.run(self._submit([request] * times, self.casino.batchers))
        assert {_outcome(answer) for answer in answers} == {first}
        assert all(isinstance(answer, Settled) and answer.replayed for answer in answers)

    @rule(pick=picks)
    def rotate(self, pick: int) -> None:
        player = self.player(pick)
        self.run(
            rotate_seed(
                self.casino.desk.pool, self.casino.world.vault, player.operator_id, player.user_id
            )
        )

    def _requests(self, bets: Sequence[tuple[int, int, int, bool]]) -> list[SpinRequest]:
        requests = []
        for pick, game, wager, is_free in bets:
            player, game_id = self.player(pick), self._game(game)
            requests.append(free_spin(player, game_id) if is_free else player.spin(game_id, wager))
        return requests

    def _game(self, pick: int) -> int:
        return self.casino.games[pick % len(self.casino.games)]

    async def _submit(
        self, requests: Sequence[SpinRequest], batchers: Sequence[BetBatcher]
    ) -> list[Settled | BaseException]:
        return await asyncio.gather(
            *(batchers[n % len(batchers)].submit(r) for n, r in enumerate(requests)),
            return_exceptions=True,
        )

    def _remember(self, requests: Sequence[SpinRequest], answers: Sequence[Any]) -> None:
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(answer, Settled):
                self.bets.append((request, answer.result))
            else:
                assert isinstance(answer, Refusal), repr(answer)

    # --- rollback ----------------------------------------------------------------------------

    @rule(pick=picks, by_key=st.booleans())
    def roll_back(self, pick: int, by_key: bool) -> None:
        if not self.bets:
            return
        request, result = self.bets[pick % len(self.bets)]
        work = (
            roll_back_key(
                self.casino.desk, request.user_id, request.idempotency_key, "test", "nobody"
            )
            if by_key
            else roll_back_bet(self.casino.desk, result.bet_id, "test", "nobody")
        )
        done = self.attempt(work, "bet_already_rolled_back", "bet_hit_jackpot")
        assert done is None or done.status == "rolled_back"
        assert done is None or result.jackpot == 0

    @rule(pick=picks, game=picks)
    def roll_back_early(self, pick: int, game: int) -> None:
        """The rollback overtakes its bet, which is then refused."""
        player, key = self.player(pick), str(uuid7())
        done = self.run(roll_back_key(self.casino.desk, player.user_id, key, "test", "nobody"))
        assert done.status == "tombstoned"
        late = player.spin(self._game(game), 10, key=key)
        (answer,) = self.run(self._submit([late], self.casino.batchers))
        assert isinstance(answer, Refusal)
        assert answer.code == "bet_rolled_back"

    # --- payments out ------------------------------------------------------------------------

    @rule(pick=picks, tenths=st.integers(1, 11), freed=st.booleans())
    def withdraw(self, pick: int, tenths: int, freed: bool) -> None:
        """Some of the real money, or more than there is; ``freed`` of the deposits' wagering."""
        player = self.player(pick)
        if freed:
            self.run(self._free(player))
        held = self.run(wallet(self.casino.world, player))["real_balance"]
        request = payment(player, max(100, held * tenths // 10))
        opened = self.attempt(
            request_withdrawal(self.casino.desk, request),
            "withdrawal_not_allowed",
            "insufficient_funds",
        )
        if opened is not None:
            self.withdrawals.append(opened.row)
            again = self.run(request_withdrawal(self.casino.desk, request))
            assert again.replayed
            assert again.row["transaction_id"] == opened.row["transaction_id"]

    async def _free(self, player: Player) -> None:
        """As if everything had been wagered: what playing it off would take hours to reach."""
        await self.casino.world.owner.execute(
            "UPDATE wallet SET deposit_wagering_progress_e4 = deposit_wagering_required * 10000 "
            "WHERE operator_id = $1 AND user_id = $2",
            player.operator_id,
            player.user_id,
        )

    @rule(pick=picks, approvals=st.integers(0, 2), rejections=st.integers(0, 2))
    def staff_decide(self, pick: int, approvals: int, rejections: int) -> None:
        """Several at once about one withdrawal: at most one decides."""
        if not self.withdrawals:
            return
        row = self.withdrawals[pick % len(self.withdrawals)]
        key = (self.casino.desk, row["operator_id"], row["transaction_id"])

        async def at_once() -> list[Any]:
            return await asyncio.gather(
                *(approve_withdrawal(*key, actor="a", witness=nobody) for _ in range(approvals)),
                *(
                    reject_withdrawal(*key, reason="test", actor="b", witness=nobody)
                    for _ in range(rejections)
                ),
                return_exceptions=True,
            )

        answers = self.run(at_once())
        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        assert {r.code for r in refused} <= {"withdrawal_not_pending", "withdrawal_not_allowed"}
        assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refusal)]
        assert len(answers) - len(refused) <= 1

    @rule(pick=picks, event_type=st.sampled_from(["payout.completed", "payout.failed"]))
    def payout_ends(self, pick: int, event_type: str) -> None:
        if not self.withdrawals:
            return
        event = webhook(self.withdrawals[pick % len(self.withdrawals)], event_type)
        self.run(apply_webhook(self.casino.desk, event))
        self.webhooks.append(event)

    # --- what holds after every step -----------------------------------------------------------

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


@pytest.mark.timeout(1_800)
def test_the_books_agree_after_every_step(postgres_url: str, secret_key: str) -> None:
    with open_casino(postgres_url, secret_key) as casino:
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
