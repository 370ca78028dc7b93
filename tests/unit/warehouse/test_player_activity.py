"""Arrays of players' sums add up and rank as plain sums would."""

from collections import Counter
from operator import itemgetter
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warehouse.player_activity import (
    Activity,
    combined,
    with_few,
)
from warehouse.player_keys import player_bytes, player_of
from warehouse.queries_players import Page, Rank, RankStart, Sort, ranked

# Few players, so that parts share them; zeros in their last bytes are what numpy cuts off.
PLAYERS = st.sampled_from(
    [UUID(int=number << shift) for number in (0, 1, 2, 255) for shift in (0, 8, 56, 64, 120)]
)
SUMS = st.tuples(
    st.integers(-3, 3), st.integers(0, 2), st.integers(0, 10**15), st.integers(-(10**12), 10**15)
)
PARTS = st.dictionaries(PLAYERS, SUMS, max_size=12)
Part = dict[UUID, tuple[int, int, int, int]]


def activity(part: Part) -> Activity:
    ordered = sorted((player_bytes(player), sums) for player, sums in part.items())
    sums = np.array([sums for _, sums in ordered], np.int64).reshape(-1, 4).T
    return Activity(np.array([player for player, _ in ordered], "S16"), sums)


def plain(found: Activity) -> dict[UUID, tuple[int, ...]]:
    sums = found.sums.T.tolist()
    return {player_of(player): tuple(row) for player, row in zip(found.players, sums, strict=True)}


def added(*parts: Part) -> dict[UUID, tuple[int, ...]]:
    totals: dict[UUID, Counter[int]] = {}
    for part in parts:
        for player, sums in part.items():
            total = totals.setdefault(player, Counter())
            for place, number in enumerate(sums):
                total[place] += number
    return {player: tuple(total[place] for place in range(4)) for player, total in totals.items()}


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_parts_combined_are_their_sums(parts: list[Part]) -> None:
    found = combined([activity(part) for part in parts])
    assert plain(found) == added(*parts)
    assert list(found.players) == sorted(found.players)


@given(PARTS, PARTS)
def test_few_are_added_to_all_that_is_settled(settled: Part, recent: Part) -> None:
    before = activity(settled)
    assert plain(with_few(before, activity(recent))) == added(settled, recent)
    assert plain(before) == added(settled)


@given(PARTS, st.booleans())
def test_who_was_active(part: Part, by_free_spins: bool) -> None:
    played = [bets + free_spins * by_free_spins for bets, free_spins, *_ in part.values()]
    found = activity(part).active(by_free_spins=by_free_spins)
    assert found == sum(number > 0 for number in played)


def key_of(sums: tuple[int, int, int, int], sort: Sort) -> int:
    bets, _, wager, win = sums
    rtp = abs(win) * 1_000_000 // max(wager, 1) * (1 if win >= 0 else -1)
    return {"ggr": wager - win, "win": win, "bets": bets, "rtp": rtp, "handle": wager}[sort]


@given(
    PARTS,
    st.sampled_from(["ggr", "win", "bets", "rtp", "handle"]),
    st.sampled_from([1, -1]),
    st.integers(1, 5),
)
def test_pages_of_a_ranking_are_the_ranking(
    part: Part, sort: Sort, direction: int, limit: int
) -> None:
    expected = sorted(
        (
            (key_of(sums, sort) * direction, player_bytes(player), player)
            for player, sums in part.items()
            if (sums[0] or sums[1]) and (sort != "rtp" or sums[2])
        ),
        key=itemgetter(0, 1),
    )
    shown: list[Rank] = []
    while True:
        after = RankStart(shown[-1].sort_key, shown[-1].player_id) if shown else None
        page = ranked(
            activity(part),
            Page(sort=sort, direction=1 if direction == 1 else -1, limit=limit, after=after),
        )
        if not page:
            break
        shown += page
    assert [(rank.sort_key, rank.player_id) for rank in shown] == [
        (key, player) for key, _, player in expected
    ]
