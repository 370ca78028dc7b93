"""The public verifier against bets as the API shows them: honest ones pass, touched ones do not."""

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import verifier
from ledger.jackpot import HitPoint
from ledger.outcomes import Paytable, draw
from ledger.verifier import main, verify_bet, verify_jackpot

PAYTABLE = [[0, 358], [35, 500], [200, 120], [1000, 22]]
SEED = bytes(range(32))


def settled(nonce: int, wager: int = 100, free_spin: bool = False) -> dict:
    """A bet as ``GET /game/bets/{id}`` shows it, settled by the ledger's own draw."""
    table = Paytable.of([(m, w) for m, w in PAYTABLE])
    drawn = draw(SEED, "lucky", nonce, table)
    multiplier = table.multiplier_at(drawn)
    win = wager * multiplier // 100
    return {
        "bet_id": "0190…",
        "bet_type": "FREE_SPIN" if free_spin else "REAL",
        "wager": 0 if free_spin else wager,
        "win": 0 if free_spin else win,
        "free_spin_stake": wager if free_spin else 0,
        "free_spin_win": win if free_spin else 0,
        "multiplier": multiplier / 100,
        "fairness": {
            "server_seed_hash": hashlib.sha256(SEED).hexdigest(),
            "client_seed": "lucky",
            "nonce": nonce,
            "drawn": drawn,
        },
        "server_seed": SEED.hex(),
    }


@given(st.integers(0, 10**9), st.integers(1, 500).map(lambda n: n * 20), st.booleans())
def test_every_honest_bet_is_confirmed(nonce, wager, free_spin) -> None:
    seen = json.loads(json.dumps(settled(nonce, wager, free_spin)))
    assert verify_bet(seen, PAYTABLE) == []


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.binary(min_size=32, max_size=32)
)
def test_the_verifier_draws_what_the_ledger_draws(weights, seed) -> None:
    total = sum(weights)
    table = Paytable.of([(number, weight) for number, weight in enumerate(weights)])
    assert verifier.drawn_number(seed, "c", 7, total) == draw(seed, "c", 7, table)


def test_a_total_that_rejects_values_is_drawn_alike() -> None:
    total = (1 << 64) * 2 // 3
    table = Paytable((0,), (total,), total, (1 << 64) - (1 << 64) % total)
    for nonce in range(200):
        assert verifier.drawn_number(SEED, "c", nonce, total) == draw(SEED, "c", nonce, table)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("server_seed",), bytes(32).hex()),
        (("fairness", "server_seed_hash"), hashlib.sha256(b"other").hexdigest()),
        (("fairness", "client_seed"), "Lucky"),
        (("fairness", "nonce"), 4),
        (("fairness", "drawn"), 999),
        (("multiplier",), 7.77),
        (("win",), 1),
        (("wager",), 120),
    ],
)
def test_a_bet_that_was_touched_is_refuted(path, value) -> None:
    bet = copy.deepcopy(settled(3))
    assert verify_bet(bet, PAYTABLE) == []
    place = bet
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    # A losing bet stays right when its stake is another; any other change shows.
    assert verify_bet(bet, PAYTABLE) or (path == ("wager",) and bet["win"] == 0)


def test_another_paytable_refutes_the_bet() -> None:
    bets = [settled(nonce) for nonce in range(50)]
    assert any(verify_bet(bet, [[0, 999], [200, 1]]) for bet in bets)


def test_a_bet_whose_seed_is_secret_is_not_judged() -> None:
    with pytest.raises(ValueError, match="not revealed"):
        verify_bet(settled(1) | {"server_seed": None}, PAYTABLE)


def test_a_won_jackpot_shows_the_hit_point_it_was_committed_to() -> None:
    point = HitPoint(15_010_000, bytes(range(32)))
    cycle = {
        "commitment": point.commitment.hex(),
        "nonce": point.nonce.hex(),
        "hit_e4": point.hit_e4,
        "amount": 1_501,
    }
    assert verify_jackpot(cycle) == []
    assert verify_jackpot(cycle | {"hit_e4": 15_010_001})
    assert verify_jackpot(cycle | {"nonce": bytes(32).hex()})
    assert verify_jackpot(cycle | {"amount": 1_500})


def test_the_command_line_answers_by_exit_status(tmp_path: Path, capsys) -> None:
    game = tmp_path / "game.json"
    game.write_text(json.dumps({"game_id": 1, "paytable": PAYTABLE}))
    honest, touched = tmp_path / "honest.json", tmp_path / "touched.json"
    honest.write_text(json.dumps(settled(3)))
    touched.write_text(json.dumps(settled(3) | {"win": 12_345}))
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(settled(3) | {"server_seed": None}))
    assert main([str(honest), str(game)]) == 0
    assert main([str(touched), str(game)]) == 1
    assert "WRONG" in capsys.readouterr().out
    assert main([str(secret), str(game)]) == 2
    assert main([str(tmp_path / "nothing.json"), str(game)]) == 2
    assert main([]) == 2


def test_it_runs_alone_with_the_standard_library(tmp_path: Path, repository_root: Path) -> None:
    """Isolated from the environment and this repository, as a player would run a copy."""
    (tmp_path / "game.json").write_text(json.dumps({"paytable": PAYTABLE}))
    source = repository_root / "ledger" / "verifier.py"
    (tmp_path / "verifier.py").write_text(source.read_text())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verifier.py", "-", "game.json"],
        cwd=tmp_path,
        input=msgspec.json.encode(settled(3)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"confirmed\n")
