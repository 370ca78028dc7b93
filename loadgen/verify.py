"""The correctness swarm: many players at once, repeated keys, and books of its own.

It plays over HTTP, keeps every answer, and afterwards holds the platform to them: each balance is
deposits + Σ(win + jackpot − wager), each key made one bet, and the operator's figures show exactly
these bets shortly after the last answer, while other operators see none of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from secrets import token_hex
from time import perf_counter
from typing import Any

from loadgen.client import ApiClient
from loadgen.funding import FundedPlayer, funded_players, log_out

_DEPOSIT = 20_000
_GIVE_UP_AFTER_SECONDS = 15.0


@dataclass
class SpinBooks:
    """What the API answered, by player and idempotency key. Amounts in minor units."""

    answers: dict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    requests: int = 0
    last_answer_at: float = 0.0

    def record(self, player: FundedPlayer, key: str, answer: dict[str, Any]) -> None:
        """Enter an answer."""
        self.requests += 1
        self.answers[player.user_id, key].append(answer)
        self.last_answer_at = perf_counter()

    def bets(self, user_id: str | None = None) -> list[dict[str, Any]]:
        """One answer per key, of one player or of all."""
        return [
            answers[0]
            for (owner, _), answers in self.answers.items()
            if user_id is None or owner == user_id
        ]


@dataclass
class SpinReport:
    """What was checked; ``problems`` is empty when every check held."""

    players: int = 0
    requests: int = 0
    bets: int = 0
    replays: int = 0
    wagered: int = 0
    won: int = 0
    visible_after_seconds: float | None = None
    """From the last answer until the operator's endpoint showed every bet."""
    problems: list[str] = field(default_factory=list)


async def verify_spins(
    credentials: Mapping[str, Any],
    *,
    operator_slug: str | None = None,
    players: int = 50,
    spins: int = 1_000,
    repeat_share: float = 0.1,
    seed: int = 1,
) -> SpinReport:
    """Play ``spins`` bets, ``repeat_share`` of the keys sent again, and check the books.

    Uses fresh players that are not flagged as bots, so that playing bots do not disturb: the
    operators' figures are compared without bots. Raises :class:`loadgen.client.ApiError` for a
    refusal that nothing in the scenario explains.
    """
    operators = credentials["operators"]
    operator = next(entry for entry in operators if operator_slug in (None, entry["slug"]))
    since = datetime.now(UTC) - timedelta(minutes=1)
    async with ApiClient(credentials["base_url"]) as client:
        admin_tokens = {
            entry["slug"]: await client.token_for(
                entry["admin"]["login"], entry["admin"]["password"], entry["slug"]
            )
            for entry in operators
        }
        before = {slug: await _totals(client, token, since) for slug, token in admin_tokens.items()}
        crowd = await funded_players(
            client,
            credentials,
            operators=[operator],
            count=players,
            prefix=f"verify-{token_hex(4)}",
            balance=_DEPOSIT,
            is_bot=False,
        )
        books = await _play(client, crowd, spins, repeat_share, seed)
        report = SpinReport(players=players, requests=books.requests)
        _check_answers(books, report)
        report.visible_after_seconds = await _until_visible(
            client, admin_tokens[operator["slug"]], since, before[operator["slug"]], books, report
        )
        await _check_players(client, crowd, books, report)
        for slug, token in admin_tokens.items():
            if slug != operator["slug"] and await _totals(client, token, since) != before[slug]:
                report.problems.append(f"the figures of {slug} moved")
            await client.post("/auth/logout", {}, token=token)
        await log_out(client, crowd)
    return report


async def _play(
    client: ApiClient, crowd: Sequence[FundedPlayer], spins: int, repeat_share: float, seed: int
) -> SpinBooks:
    books = SpinBooks()
    games = [
        game
        async for game in client.items("/games", operator=crowd[0].operator_slug, limit=500)
        if game["min_wager"] <= 50
    ]

    async def send(player: FundedPlayer, body: dict[str, Any], key: str) -> dict[str, Any]:
        return await client.post("/game/spin", body, key=key, token=player.token)

    async def play(number: int, player: FundedPlayer) -> None:
        rng = Random(seed * 1_000_003 + number)
        share = spins // len(crowd) + (number < spins % len(crowd))
        for spin in range(share):
            game = rng.choice(games)
            step = game["wager_step"]
            wager = max(game["min_wager"], rng.randrange(step, 200 + step) // step * step)
            body = {"game_id": game["game_id"], "wager": wager}
            key = f"{player.username}-{spin}"
            # A repeat races its original, as a nervous client's would, or comes after it.
            repeated = rng.random() < repeat_share
            at_once = 2 if repeated and rng.random() < 0.5 else 1
            for _ in range(2 if repeated and at_once == 1 else 1):
                sends = (send(player, body, key) for _ in range(at_once))
                for answer in await asyncio.gather(*sends):
                    books.record(player, key, answer)

    await asyncio.gather(*(play(number, player) for number, player in enumerate(crowd)))
    return books


def _check_answers(books: SpinBooks, report: SpinReport) -> None:
    """Repeats were answered with the first answer, and no two keys share a bet."""
    bets = books.bets()
    report.bets = len(bets)
    report.replays = books.requests - len(bets)
    report.wagered = sum(bet["wager"] for bet in bets)
    report.won = sum(bet["win"] for bet in bets)
    for (_, key), answers in books.answers.items():
        if any(answer != answers[0] for answer in answers):
            report.problems.append(f"key {key} was answered in two ways")
    if len({bet["bet_id"] for bet in bets}) != len(bets):
        report.problems.append("two keys share a bet")


async def _check_players(
    client: ApiClient, crowd: Sequence[FundedPlayer], books: SpinBooks, report: SpinReport
) -> None:
    """Each balance, and each player's list of bets, as our books have them."""
    for player in crowd:
        bets = books.bets(player.user_id)
        expected = player.deposited + sum(
            bet["win"] + bet["jackpot"] - bet["wager"] for bet in bets
        )
        wallet = await client.get("/wallet", token=player.token)
        if wallet["real_balance"] != expected:
            report.problems.append(
                f"{player.username} has {wallet['real_balance']}, the books say {expected}"
            )
        listed = [
            bet["bet_id"] async for bet in client.items("/game/bets", token=player.token, limit=500)
        ]
        if sorted(listed) != sorted(bet["bet_id"] for bet in bets):
            report.problems.append(
                f"{player.username} has {len(listed)} bets listed, the books say {len(bets)}"
            )


async def _until_visible(
    client: ApiClient,
    admin_token: str,
    since: datetime,
    before: tuple[int, int, int],
    books: SpinBooks,
    report: SpinReport,
) -> float | None:
    """Ask the operator's endpoint until it shows exactly these bets more; how long it took."""
    expected = (
        before[0] + report.bets,
        before[1] + report.wagered,
        before[2] + report.won,
    )
    while True:
        totals = await _totals(client, admin_token, since)
        waited = perf_counter() - books.last_answer_at
        if totals == expected:
            return waited
        if waited > _GIVE_UP_AFTER_SECONDS or any(
            now > then for now, then in zip(totals, expected, strict=True)
        ):
            report.problems.append(
                f"the operator sees (bets, wagered, won) {totals}, the books say {expected}"
            )
            return None
        await asyncio.sleep(0.02)


async def _totals(client: ApiClient, admin_token: str, since: datetime) -> tuple[int, int, int]:
    """The operator's bets, wagers and wins since then, bots left out."""
    figures = await client.get(
        "/operator/analytics/games",
        token=admin_token,
        include_bots="false",
        **{"from": since.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    )
    items = figures["items"]
    return (
        sum(item["bets"] for item in items),
        sum(item["total_wagered"] for item in items),
        sum(item["total_won"] for item in items),
    )
