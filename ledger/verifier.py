"""Confirms a bet, or a jackpot, from public data alone. Python's standard library and nothing else.

A player who rotates the server seed (``POST /me/fairness/rotate``) can take
``GET /game/bets/{bet_id}`` and the game's paytable from ``GET /games/{game_id}`` and recompute the
bet without trusting the platform. This module shares no code with what settled the bet; it can be
copied and run anywhere::

    python -m ledger.verifier bet.json game.json      # exit 0: the bet is as it should be
    curl …/game/bets/{bet_id} | python -m ledger.verifier - game.json
    python -m ledger.verifier --jackpot cycle.json    # a won cycle from GET /jackpots

What is checked of a bet:

1. **The seed was fixed before the bet**: SHA-256 of the revealed ``server_seed`` is the
   ``server_seed_hash`` that ``GET /me/fairness`` showed while it was active.
2. **The number was drawn from it**: ``HMAC-SHA256(server_seed, "client_seed:nonce:cursor")``, its
   first 64 bits as a big-endian integer. A value past the largest multiple of the paytable's total
   weight is skipped and the next cursor taken, so that no number is likelier than another; else
   the value modulo the total weight is ``drawn``.
3. **The number selects the multiplier**: weights are laid end to end in the paytable's order.
4. **The win is stake x multiplier**, whole by the game's wager step. A free spin's stake is the
   grant's and its win is told apart.

The paytable must be the one the game had when the bet was made.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

E4 = 10_000
USAGE = "usage: python -m ledger.verifier BET.json GAME.json | --jackpot CYCLE.json   (- is stdin)"


def drawn_number(server_seed: bytes, client_seed: str, nonce: int, total_weight: int) -> int:
    """The number in ``[0, total_weight)`` that these seeds and this nonce give."""
    limit = 2**64 - 2**64 % total_weight
    cursor = 0
    while True:
        message = f"{client_seed}:{nonce}:{cursor}".encode()
        digest = hmac.new(server_seed, message, hashlib.sha256).digest()
        value = int.from_bytes(digest[:8], "big")
        if value < limit:
            return value % total_weight
        cursor += 1


def multiplier_of(paytable: Sequence[Sequence[int]], drawn: int) -> int:
    """The multiplier, in hundredths, whose weight ``drawn`` falls into."""
    for multiplier, weight in paytable:
        if drawn < weight:
            return multiplier
        drawn -= weight
    raise ValueError("drawn lies beyond the paytable's total weight")


def verify_bet(bet: Mapping[str, Any], paytable: Sequence[Sequence[int]]) -> list[str]:
    """What is wrong with a bet, in sentences; an empty list confirms it.

    ``bet`` is the answer of ``GET /game/bets/{bet_id}``. Raises ``ValueError`` while its seed is
    not revealed yet, ``KeyError`` or ``TypeError`` if it is no bet at all.
    """
    if bet["server_seed"] is None:
        raise ValueError("the server seed of this bet is not revealed yet: rotate it first")
    fairness = bet["fairness"]
    server_seed = bytes.fromhex(bet["server_seed"])
    total_weight = sum(weight for _, weight in paytable)
    drawn = drawn_number(server_seed, fairness["client_seed"], fairness["nonce"], total_weight)
    multiplier = multiplier_of(paytable, drawn)
    free_spin = bet["bet_type"] == "FREE_SPIN"
    stake, win = (
        (bet["free_spin_stake"], bet["free_spin_win"]) if free_spin else (bet["wager"], bet["win"])
    )
    checks = (
        (
            hashlib.sha256(server_seed).hexdigest() == fairness["server_seed_hash"],
            "the revealed seed is not the one whose hash was published",
        ),
        (
            drawn == fairness["drawn"],
            f"the seeds draw {drawn}, the bet says {fairness['drawn']}",
        ),
        (
            # The JSON number is read as the decimal it was written as: 0.1 means one tenth.
            Fraction(str(bet["multiplier"])) * 100 == multiplier,
            f"{drawn} pays {multiplier / 100} x, the bet says {bet['multiplier']} x",
        ),
        (
            win * 100 == stake * multiplier,
            f"a stake of {stake} wins {Fraction(stake * multiplier, 100)}, the bet says {win}",
        ),
        (
            not free_spin or (bet["wager"], bet["win"]) == (0, 0),
            "a free spin costs nothing and its win is told apart",
        ),
    )
    return [problem for holds, problem in checks if not holds]


def verify_jackpot(cycle: Mapping[str, Any]) -> list[str]:
    """What is wrong with a won jackpot cycle, in sentences; an empty list confirms it.

    ``commitment`` was published when the cycle opened, ``nonce`` and ``hit_e4`` (the hit point H in
    1/10,000 minor units) after it was won: SHA-256(nonce ‖ H as 16 bytes, big-endian) must be the
    commitment, and the pool paid at least floor(H), since it was won on reaching H.
    """
    secret = bytes.fromhex(cycle["nonce"]) + cycle["hit_e4"].to_bytes(16, "big")
    checks = (
        (
            hashlib.sha256(secret).hexdigest() == cycle["commitment"],
            "the revealed hit point is not the one that was committed to",
        ),
        (
            cycle["amount"] >= cycle["hit_e4"] // E4,
            "the jackpot was paid before the pool reached its hit point",
        ),
    )
    return [problem for holds, problem in checks if not holds]


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status: 0 confirmed, 1 refuted, 2 not to be judged."""
    try:
        match arguments:
            case ["--jackpot", cycle]:
                problems = verify_jackpot(_read(cycle))
            case [bet, game] if not bet.startswith("--"):
                problems = verify_bet(_read(bet), _read(game)["paytable"])
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"cannot be verified: {error!r}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"WRONG: {problem}")
    if not problems:
        print("confirmed")
    return 1 if problems else 0


def _read(name: str) -> Any:
    return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
