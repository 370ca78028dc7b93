"""The money machine's bets: at once, from two processes, asked again, rolled back."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)
from uuid_utils.compat import uuid7

from ledger.batch import BetBatcher, Settled
from ledger.bet_record import SpinRequest, SpinResult
from ledger.errors import Refusal
from ledger.rollback import roll_back_bet, roll_back_key
from ledger.wallets import rotate_seed
from tests.support.cashier import (
    free_spin,
    wallet,
)
from tests.support.machine.base import Machine, picks
from tests.support.replay import comparable, load_state, replay, shape

wagers = st.sampled_from([1, 2, 7, 10, 50, 97, 100, 300, 500])
free = st.sampled_from([False, False, False, True])
bet_lists = st.lists(st.tuples(picks, picks, wagers, free), min_size=1, max_size=12)


def outcome_of(answer: Settled | BaseException) -> SpinResult | BaseException:
    return answer.result if isinstance(answer, Settled) else answer


class PlayRules(Machine):
    """Bets and their rollbacks; bets at once are held to the same bets one by one."""

    @rule(bets=bet_lists)
    def bet_at_once(self, bets: list[tuple[int, int, int, bool]]) -> None:
        """One process: the batch must say and leave what one bet after the other does."""
        requests = self._requests(bets)
        before = self.run(load_state(self.casino.world, requests))
        answers = self.run(self._submit(requests, self.casino.batchers[:1]))
        alone = self.run(replay(self.casino.world, before, requests))
        assert [comparable(outcome_of(a)) for a in answers] == [comparable(a) for a in alone]
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
        requests = [player.spin(self.game(game), wager) for game in games]
        self._remember(requests, self.run(self._submit(requests, self.casino.batchers[:1])))

    @rule(pick=picks, times=st.integers(1, 4))
    def ask_again(self, pick: int, times: int) -> None:
        if not self.bets:
            return
        request, first = self.bets[pick % len(self.bets)]
        answers = self.run(self._submit([request] * times, self.casino.batchers))
        assert {outcome_of(answer) for answer in answers} == {first}
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
            player, game_id = self.player(pick), self.game(game)
            requests.append(free_spin(player, game_id) if is_free else player.spin(game_id, wager))
        return requests

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
        late = player.spin(self.game(game), 10, key=key)
        (answer,) = self.run(self._submit([late], self.casino.batchers))
        assert isinstance(answer, Refusal)
        assert answer.code == "bet_rolled_back"
