"""Every query of the analysts' library against an independent computation over Postgres.

The past is a made-up one of some weeks. What the warehouse answers is compared with pandas over
the ledger's own tables, which know nothing of rollups, signs or events.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any
from uuid import UUID

import msgspec
import pandas as pd
import pytest

from dashboards.analyst_library import library, library_query
from tests.integration.warehouse.conftest import Stream
from tests.support.gateway import GatewayProcess
from tests.support.past import furnish, seed_past
from tests.support.world import World
from warehouse.analyst import Analyst

ZONE = "Asia/Kolkata"
Rows = list[dict[str, Any]]
Frame = Any
"""A data frame; its declared types know no column's type, and so refuse most of what is done."""


@dataclass
class Books:
    """The ledger's tables of one operator as frames, and the warehouse to ask."""

    operator_id: int
    analyst: Analyst
    start: datetime
    end: datetime
    players: Frame
    bets: Frame
    payments: Frame
    events: Frame
    tasks: Frame
    bonus_cost: Frame
    games: Frame

    def ask(self, name: str, **parameters: str) -> Rows:
        """The library's answer for the whole past."""
        given = {
            "operator_id": str(self.operator_id),
            "from_time": self.start.strftime("%Y-%m-%d %H:%M:%S"),
            "to_time": self.end.strftime("%Y-%m-%d %H:%M:%S"),
        } | parameters
        query = library_query(name)
        values = query.values(given, datetime.now(UTC))
        answer = self.analyst.read(query.text, "JSONEachRow", values)
        return [msgspec.json.decode(line) for line in answer.splitlines()]

    @property
    def spins(self) -> Frame:
        """Bets that stand, without free spins."""
        return self.bets[self.bets.bet_type != "FREE_SPIN"]


BETS = """
SELECT b.* FROM bet_log AS b WHERE b.operator_id = $1
AND NOT EXISTS (SELECT FROM bet_rollback AS r WHERE r.bet_id = b.bet_id)
"""
EVENTS = """
SELECT t.user_id, t.kind, t.method, t.amount, e.to_status AS status, e.occurred_at
FROM transaction_event AS e JOIN transaction AS t USING (operator_id, transaction_id)
WHERE operator_id = $1
"""
# What bonuses cost by player, from the operator's own account; a rollback counts at its bet's time.
BONUS_COST = """
SELECT p.journal_id, (
    SELECT u.user_id FROM posting AS u
    WHERE u.journal_id = p.journal_id AND u.user_id IS NOT NULL LIMIT 1
) AS user_id, -p.amount AS amount, coalesce(b.created_at, p.created_at) AS at
FROM posting AS p
LEFT JOIN bet_log AS b ON p.reference_kind = 'rollback' AND b.bet_id = p.reference_id
WHERE p.operator_id = $1 AND p.account = 'operator_bonus'
"""


@pytest.fixture(scope="module")
async def books(
    world: World, stream: Stream, clickhouse: GatewayProcess, clickhouse_url: str
) -> AsyncIterator[Books]:
    await world.owner.execute("UPDATE operator SET time_zone = $1", ZONE)
    await furnish(world)
    await seed_past(world)
    await stream.drain()
    operator_id = world.operators[0]

    async def frame(sql: str, *arguments: Any) -> Frame:
        rows = await world.owner.fetch(sql, *arguments)
        return pd.DataFrame([dict(row) for row in rows])

    user = clickhouse.writer
    database = clickhouse_url.rpartition("/")[2]
    with Analyst(clickhouse.url, user.user, user.password, database) as analyst:
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        midnight = end.replace(hour=0, minute=0, second=0)
        yield Books(
            operator_id=operator_id,
            analyst=analyst,
            start=midnight - timedelta(days=30),
            end=end,
            players=await frame('SELECT * FROM "user" WHERE operator_id = $1', operator_id),
            bets=(await frame(BETS, operator_id)).sort_values("created_at"),
            payments=await frame("SELECT * FROM transaction WHERE operator_id = $1", operator_id),
            events=await frame(EVENTS, operator_id),
            tasks=await frame("SELECT * FROM bonus_task WHERE operator_id = $1", operator_id),
            bonus_cost=await frame(BONUS_COST, operator_id),
            games=(await frame("SELECT * FROM game")).set_index("game_id"),
        )


def monday(at: Any) -> str:
    """The ISO week's Monday, UTC."""
    return (at - timedelta(days=at.weekday())).strftime("%Y-%m-%d")


def weeks_between(cohort: str, week: str) -> int:
    return (datetime.fromisoformat(week) - datetime.fromisoformat(cohort)).days // 7


def deposits_net(events: Frame) -> int:
    deposits = events[events.kind == "DEPOSIT"]
    paid = deposits[deposits.status == "COMPLETED"].amount.sum()
    return int(paid - deposits[deposits.status == "REVERSED"].amount.sum())


def test_cohort_retention(books: Books) -> None:
    cohorts = {row.user_id: monday(row.created_at) for row in books.players.itertuples()}
    played = {(row.user_id, monday(row.created_at)) for row in books.bets.itertuples()}
    expected: dict[tuple[str, int], int] = {}
    for user_id, week in played:
        key = (cohorts[user_id], weeks_between(cohorts[user_id], week))
        expected[key] = expected.get(key, 0) + 1
    rows = books.ask("cohort-retention")
    assert {(r["cohort_week"], r["week"]): r["active_players"] for r in rows} == expected
    for row in rows:
        size = list(cohorts.values()).count(row["cohort_week"])
        assert row["players"] == size
        assert row["share"] == pytest.approx(row["active_players"] / size, abs=1e-4)


def test_player_ltv(books: Books) -> None:
    cohorts = {row.user_id: monday(row.created_at) for row in books.players.itertuples()}
    rows = books.ask("player-ltv")
    assert len(rows) >= 3
    for row in rows:
        members = [user for user, week in cohorts.items() if week == row["cohort_week"]]
        until = datetime.fromisoformat(row["cohort_week"]).replace(tzinfo=UTC)
        until += timedelta(weeks=row["week"] + 1)
        bets = books.bets[books.bets.user_id.isin(members) & (books.bets.created_at < until)]
        cost = books.bonus_cost
        cost = int(cost[cost.user_id.isin(members) & (cost["at"] < until)].amount.sum())
        events = books.events
        events = events[events.user_id.isin(members) & (events.occurred_at < until)]
        fed = int(bets.jackpot_contribution_e4.sum()) // 10_000
        assert row["players"] == len(members)
        assert row["ggr"] == bets.ggr.sum()
        assert row["bonus_cost"] == cost
        assert row["deposits"] == deposits_net(events)
        assert row["jackpot_contributions"] == fed
        ngr = (bets.ggr.sum() - cost - fed) / len(members)
        assert row["ngr_per_player"] == pytest.approx(ngr, abs=0.01)


def test_hold_by_daypart(books: Books) -> None:
    spins = books.spins.copy()
    spins["part"] = spins.created_at.dt.tz_convert(ZONE).dt.hour // 6
    rows = {(r["game_id"], int(r["daypart"][0]) - 1): r for r in books.ask("hold-by-daypart")}
    groups = spins.groupby(["game_id", "part"])
    assert set(rows) == set(groups.groups)
    for key, group in groups:
        row = rows[key]
        assert (row["bets"], row["wagered"], row["ggr"]) == (
            len(group), group.wager.sum(), group.ggr.sum(),
        )  # fmt: skip
        assert row["hold"] == pytest.approx(group.ggr.sum() / group.wager.sum(), abs=1e-6)
        margin = 1 - books.games.rtp_bps[key[0]] / 10_000
        assert row["margin"] == pytest.approx(margin, abs=1e-6)


def test_bonus_abuse_signs(books: Books) -> None:
    rows = {UUID(row["user_id"]): row for row in books.ask("bonus-abuse-signs")}
    granted = books.tasks.groupby("user_id").granted.sum()
    assert {user: row["bonuses"] for user, row in rows.items()} == granted[granted > 0].to_dict()
    for user, row in rows.items():
        tasks = books.tasks[books.tasks.user_id == user]
        events = books.events[books.events.user_id == user]
        out = events[(events.kind == "WITHDRAWAL") & (events.status == "COMPLETED")].amount.sum()
        stakes = books.spins[
            (books.spins.user_id == user) & books.spins.bet_type.isin(["BONUS", "MIXED"])
        ].wager
        deposits = deposits_net(events)
        assert (row["deposits"], row["withdrawals"]) == (deposits, out)
        assert row["converted"] == tasks.converted.sum()
        assert row["bonus_bets"] == len(stakes)
        expected = {
            "bonus_heavy": 0 < deposits < 2 * granted[user],
            "never_deposited": deposits <= 0,
            "flat_stakes": len(stakes) >= 10 and stakes.std(ddof=0) < stakes.mean() / 20,
            "waived_to_withdraw": (tasks.status == "WAIVED").any() and out > 0,
        }
        assert row["signs"] == [sign for sign, shown in expected.items() if shown]


def test_big_win_streaks(books: Books) -> None:
    streaks = []
    for user, bets in books.spins.groupby("user_id"):
        run: list[Any] = []
        for bet in [*bets.itertuples(), None]:
            if bet is not None and bet.win > bet.wager:
                run.append(bet)
            elif run:
                streaks.append((len(run), sum(b.win - b.wager for b in run), str(user)))
                run = []
    streaks.sort(reverse=True)
    rows = books.ask("big-win-streaks", limit="20")
    assert [(r["bets"], r["won"]) for r in rows] == [streak[:2] for streak in streaks[:20]]
    assert rows[0]["bets"] >= 3
    every = {
        (r["bets"], r["won"], r["user_id"]) for r in books.ask("big-win-streaks", limit="9999")
    }
    assert every == set(streaks)


def test_rtp_drift(books: Books) -> None:
    spins = books.spins.copy()
    spins["week"] = spins.created_at.map(monday)
    rows = {(r["game_id"], r["week"]): r for r in books.ask("rtp-drift")}
    groups = spins.groupby(["game_id", "week"])
    assert set(rows) == set(groups.groups)
    for key, group in groups:
        game, row = books.games.loc[key[0]], rows[key]
        staked, squares = int(group.wager.sum()), int((group.wager**2).sum())
        rtp = group.win.sum() / staked
        z = (rtp - game.rtp_bps / 1e4) / (game.sigma_e6 / 1e6 * sqrt(squares) / staked)
        assert (row["bets"], row["wagered"]) == (len(group), staked)
        assert row["rtp"] == pytest.approx(rtp, abs=1e-6)
        assert row["z"] == pytest.approx(z, abs=1e-3)
        assert row["n_eff"] == pytest.approx(staked**2 / squares, abs=0.1)


def test_vip_ladder(books: Books) -> None:
    rows = {row["level"]: row for row in books.ask("vip-ladder")}
    assert len(rows) > 1
    groups = books.players.groupby("vip_level")
    assert set(rows) == set(groups.groups)
    for level, group in groups:
        spins = books.spins[books.spins.user_id.isin(group.user_id)]
        row = rows[level]
        assert (row["players"], row["active_players"]) == (len(group), spins.user_id.nunique())
        assert (row["wagered"], row["ggr"]) == (spins.wager.sum(), spins.ggr.sum())
        if level > 1:
            assert row["levels_gained"] >= len(group)  # at least those who are still there


def test_affiliate_value(books: Books) -> None:
    rows = {row["affiliate_id"]: row for row in books.ask("affiliate-value")}
    players = books.players.assign(affiliate=books.players.affiliate_id.fillna(0).astype(int))
    groups = players.groupby("affiliate")
    assert len(rows) == 2
    assert set(rows) == set(groups.groups)
    for affiliate, group in groups:
        row, mine = rows[affiliate], group.user_id
        spins = books.spins[books.spins.user_id.isin(mine)]
        events = books.events[books.events.user_id.isin(mine)]
        paid = events[(events.kind == "DEPOSIT") & (events.status == "COMPLETED")]
        cost = books.bonus_cost[books.bonus_cost.user_id.isin(mine)].amount.sum()
        assert row["registered"] == len(group)
        assert row["active_players"] == spins.user_id.nunique()
        assert row["depositors"] == paid.user_id.nunique()
        assert row["deposits"] == deposits_net(events)
        assert (row["wagered"], row["ggr"]) == (spins.wager.sum(), spins.ggr.sum())
        assert (row["bonus_cost"], row["net"]) == (cost, spins.ggr.sum() - cost)


def test_game_week_over_week(books: Books) -> None:
    until = books.end.replace(hour=0, minute=0, second=0)
    start, before = until - timedelta(days=7), until - timedelta(days=14)
    rows = books.ask(
        "game-week-over-week", from_time=f"{start:%Y-%m-%d}", to_time=f"{until:%Y-%m-%d}"
    )
    spins = books.spins
    now = spins[(spins.created_at >= start) & (spins.created_at < until)].groupby("game_id")
    then = spins[(spins.created_at >= before) & (spins.created_at < start)].groupby("game_id")
    assert len(rows) == 2
    assert [row["change"] for row in rows] == sorted(row["change"] for row in rows)
    for row in rows:
        game = row["game_id"]
        assert (row["bets"], row["wagered"]) == (now.size()[game], now.wager.sum()[game])
        assert row["wagered_before"] == then.wager.sum()[game]
        assert (row["ggr"], row["ggr_before"]) == (now.ggr.sum()[game], then.ggr.sum()[game])
        assert row["change"] == row["ggr"] - row["ggr_before"]
        expected = row["wagered"] * (1 - books.games.rtp_bps[game] / 10_000)
        assert row["expected"] == pytest.approx(expected, abs=0.01)


def test_deposit_funnel(books: Books) -> None:
    deposits = books.events[books.events.kind == "DEPOSIT"]
    done = deposits[deposits.status == "COMPLETED"].user_id.value_counts()
    bettors = set(books.spins.user_id)
    out = books.events[(books.events.kind == "WITHDRAWAL") & (books.events.status == "COMPLETED")]
    expected = [
        len(books.players),
        deposits.user_id.nunique(),
        len(done),
        sum(user in bettors for user in done.index),
        int((done > 1).sum()),
        out.user_id.nunique(),
    ]
    rows = books.ask("deposit-funnel")
    assert [row["players"] for row in rows] == expected
    assert [row["share"] for row in rows] == pytest.approx(
        [count / expected[0] for count in expected], abs=1e-4
    )


def test_churn_risk(books: Books) -> None:
    expected = {}
    for user, spins in books.spins.groupby("user_id"):
        days = sorted(set(spins.created_at.dt.date))
        if len(days) >= 3:
            gap = (days[-1] - days[0]).days / (len(days) - 1)
            away = (books.end.date() - days[-1]).days
            expected[str(user)] = (len(days), away, gap, away / gap, spins.ggr.sum())
    rows = books.ask("churn-risk")
    assert {row["user_id"] for row in rows} == set(expected)
    assert [row["risk"] for row in rows] == sorted((row["risk"] for row in rows), reverse=True)
    for row in rows:
        days, away, gap, risk, ggr = expected[row["user_id"]]
        assert (row["days"], row["away_days"], row["ggr"]) == (days, away, ggr)
        assert row["usual_gap_days"] == pytest.approx(gap, abs=0.01)
        assert row["risk"] == pytest.approx(risk, rel=0.01, abs=0.01)


def test_session_intensity(books: Books) -> None:
    sessions = []
    for user, bets in books.bets.groupby("user_id"):
        begins = bets.created_at.diff() > timedelta(minutes=30)
        for _, session in bets.groupby(begins.cumsum()):
            last = session.iloc[-1]
            minutes = (last.created_at - session.created_at.iloc[0]).total_seconds() / 60
            sessions.append((last.vip_level, user, len(session), session.wager.sum(), minutes))
    frame: Frame = pd.DataFrame(sessions, columns=["level", "user", "bets", "wagered", "minutes"])
    rows = {row["level"]: row for row in books.ask("session-intensity")}
    assert set(rows) == set(frame.level)
    for level, group in frame.groupby("level"):
        row = rows[level]
        assert (row["sessions"], row["players"]) == (len(group), group.user.nunique())
        assert row["median_minutes"] == pytest.approx(group.minutes.median(), abs=0.01)
        assert row["long_minutes"] == pytest.approx(group.minutes.quantile(0.9), abs=0.01)
        assert row["median_bets"] == pytest.approx(group.bets.median(), abs=0.1)
        assert row["median_wagered"] == pytest.approx(group.wagered.median(), abs=0.1)


def test_jackpot_balance(books: Books) -> None:
    rows = {row["week"]: row for row in books.ask("jackpot-balance")}
    groups = books.bets.groupby(books.bets.created_at.map(monday))
    assert set(rows) == set(groups.groups)
    assert sum(row["hits"] for row in rows.values()) > 0
    for week, group in groups:
        row, fed = rows[week], int(group.jackpot_contribution_e4.sum())
        assert (row["wagered_real"], row["contributions"]) == (
            group.wager_real.sum(), fed // 10_000,
        )  # fmt: skip
        assert (row["payouts"], row["hits"]) == (group.jackpot.sum(), (group.jackpot > 0).sum())
        assert row["share"] == pytest.approx(fed / 1e4 / group.wager_real.sum(), abs=1e-6)


def test_whale_concentration(books: Books) -> None:
    players = books.spins.groupby("user_id")[["wager", "ggr"]].sum()
    players = players.sort_values("wager", ascending=False)
    n, total = len(players), players.wager.sum()
    # Gini from its definition: half the mean absolute difference, relative to the mean.
    apart = sum(abs(a - b) for a in players.wager for b in players.wager)
    gini = apart / (2 * n * total)
    for row in books.ask("whale-concentration"):
        top = players.head(max(1, n * row["top_percent"] // 100))
        assert (row["players"], row["wagered"]) == (len(top), top.wager.sum())
        assert row["ggr"] == top.ggr.sum()
        assert row["wager_share"] == pytest.approx(top.wager.sum() / total, abs=1e-4)
        assert row["gini"] == pytest.approx(gini, abs=1e-4)


def test_payment_methods(books: Books) -> None:
    rows = {(row["kind"], row["method"]): row for row in books.ask("payment-methods")}
    groups = books.payments.groupby(["kind", "method"])
    assert set(rows) == set(groups.groups)
    for key, group in groups:
        row, states = rows[key], group.status.value_counts()
        for status in ("COMPLETED", "FAILED", "EXPIRED", "REJECTED", "REVERSED"):
            assert row[status.lower()] == states.get(status, 0), (key, status)
        still_open = states.get("PENDING", 0) + states.get("APPROVED", 0)
        assert (row["begun"], row["open"]) == (len(group), still_open)
        done = group[group.status == "COMPLETED"]
        assert row["amount"] == done.amount.sum()
        if len(done):
            took = (done.updated_at - done.created_at).dt.total_seconds() / 60
            assert row["median_minutes"] == pytest.approx(took.median(), abs=0.01)
            decided = len(group) - still_open
            assert row["success"] == pytest.approx(len(done) / decided, abs=1e-4)


def test_first_deposit_to_bet(books: Books) -> None:
    deposits = books.events[(books.events.kind == "DEPOSIT") & (books.events.status == "COMPLETED")]
    paid = deposits.groupby("user_id").occurred_at.min()
    bet = books.bets.groupby("user_id").created_at.min()
    players = books.players.set_index("user_id")
    rows = {row["week"]: row for row in books.ask("first-deposit-to-bet")}
    groups = players.groupby(players.created_at.map(monday))
    assert set(rows) == set(groups.groups)
    for week, group in groups:
        row = rows[week]
        waits = [(paid[u] - group.created_at[u]).total_seconds() / 60
                 for u in group.index if u in paid]  # fmt: skip
        plays = [max(0, (bet[u] - paid[u]).total_seconds() / 60)
                 for u in group.index if u in paid and u in bet]  # fmt: skip
        counts = (len(group), len(waits), len(plays))
        assert (row["players"], row["depositors"], row["bettors"]) == counts
        for name, values in (("median_to_deposit", waits), ("median_to_bet", plays)):
            if values:
                assert row[name] == pytest.approx(pd.Series(values).median(), abs=0.01)
            else:
                assert row[name] is None


def test_bonus_cost(books: Books) -> None:
    rows = {row["bonus"]: row for row in books.ask("bonus-cost")}
    tasks = books.tasks.groupby("kind")
    assert set(rows) == set(tasks.groups)
    for kind, group in tasks:
        row = rows[kind]
        assert row["credited"] == group.granted.sum()
        assert row["converted"] == group.converted.sum()
    assert sum(row["cost"] for row in rows.values()) == books.bonus_cost.amount.sum()


def test_play_rhythm(books: Books) -> None:
    until = books.end.replace(minute=books.end.minute // 15 * 15, second=0)
    spins = books.spins[books.spins.created_at < until]
    local = spins.created_at.dt.tz_convert(ZONE).dt
    spins = spins.assign(weekday=local.day_of_week + 1, hour=local.hour)
    groups = spins.groupby(["weekday", "hour"])
    asked = books.ask("play-rhythm", to_time=f"{until:%Y-%m-%d %H:%M:%S}")
    rows = {(row["weekday"], row["hour"]): row for row in asked}
    assert set(rows) == set(groups.groups)
    for key, group in groups:
        row = rows[key]
        assert (row["bets"], row["wagered"]) == (len(group), group.wager.sum())
        assert row["ggr"] == group.ggr.sum()


def test_no_query_is_left_unchecked() -> None:
    tests: dict[str, Callable[..., None]] = {
        name.removeprefix("test_").replace("_", "-"): value
        for name, value in globals().items()
        if name.startswith("test_")
    }
    assert {query.name for query in library()} <= set(tests)


@pytest.mark.parametrize("name", [query.name for query in library()])
def test_bots_can_be_left_out_and_other_operators_are_never_in(books: Books, name: str) -> None:
    """Every player of the made-up past is a bot; and an operator that is not there has nothing."""
    without = books.ask(name, include_bots="0")
    nobody = books.ask(name, operator_id="999")
    for rows in (without, nobody):
        assert rows == [] or all(row.get("players", 0) == 0 for row in rows)
