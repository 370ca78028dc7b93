"""A swarm of bots that play against a running stack: ``python -m loadgen.swarm --help``.

A process of its own: locust replaces the standard library's blocking calls at import.
"""

import locust  # noqa: F401  # isort: skip  (before anything that opens a socket)
import argparse
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.user.users import User

from loadgen.behaviour import PERSONAS
from loadgen.bot import BotUser
from loadgen.desk import DeskUser
from loadgen.roster import Seats, roster
from loadgen.shapes import DayRhythm
from loadgen.tally import Tally

_STOP_TIMEOUT_SECONDS = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run the swarm until the time is up or SIGTERM; 1 if bots were to play and none could."""
    options = _parser().parse_args(arguments)
    credentials = json.loads(options.credentials.read_text())
    tally = Tally()
    environment = _environment(options, credentials, tally)
    runner = environment.create_local_runner()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, runner.quit)
    if options.seconds:
        gevent.spawn_later(options.seconds, runner.quit)
    if not options.headless:
        del sys.argv[1:]  # the page's code parses the command line as locust's own
        environment.create_web_ui("127.0.0.1", options.web_port)
        print(f"locust: http://127.0.0.1:{options.web_port}", flush=True)
    if environment.shape_class:
        runner.start_shape()
    else:
        runner.start(options.bots + len(credentials["operators"]), options.spawn_rate, wait=False)
    runner.greenlet.join()
    print(summary(environment, tally), flush=True)
    return 0 if tally.spins or not tally.turned_away else 1


def user_classes(
    credentials: dict[str, Any], bots: int, password: str, tally: Tally
) -> list[type[User]]:
    """One locust user class per persona that the roster has, weighted as the roster is."""
    seats = Seats(roster(credentials["operators"], bots))
    shared = {"seats": seats, "password": password, "tally": tally}
    return [
        type(
            f"{name.title().replace('_', '')}Bot",
            (BotUser,),
            {
                **shared,
                "persona": persona,
                "weight": seats.count(name),
                "abstract": False,
            },
        )
        for name, persona in PERSONAS.items()
        if seats.count(name)
    ]


def desk_classes(credentials: dict[str, Any], tally: Tally) -> list[type[User]]:
    """One locust user class per operator, which decides the withdrawals of its bots."""
    return [
        type(
            f"Desk{entry['operator_id']}",
            (DeskUser,),
            {"slug": entry["slug"], "admin": entry["admin"], "tally": tally, "abstract": False},
        )
        for entry in credentials["operators"]
    ]


def _environment(
    options: argparse.Namespace, credentials: dict[str, Any], tally: Tally
) -> Environment:
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("locust").setLevel(logging.WARNING)
    shape = None
    if options.shape == "day":
        shape = DayRhythm(
            options.bots,
            options.spawn_rate,
            options.day_seconds,
            others=len(credentials["operators"]),
        )
    return Environment(
        user_classes=[
            *user_classes(credentials, options.bots, credentials["bots"]["password"], tally),
            *desk_classes(credentials, tally),
        ],
        host=credentials["base_url"],
        shape_class=shape,
        stop_timeout=_STOP_TIMEOUT_SECONDS,
    )


def summary(environment: Environment, tally: Tally) -> str:
    """The run in a few lines: bets per operator, latency of spins, what went wrong."""
    spin = environment.stats.get("/game/spin", "POST")
    lines = [
        f"{sum(tally.spins.values())} spins, {sum(tally.free_spins.values())} free spins, "
        f"{tally.jackpots} jackpots, {tally.deposits} deposits, {tally.withdrawals} withdrawals, "
        f"{tally.retries} retries, "
        f"{environment.stats.total.num_failures} failed of {environment.stats.total.num_requests} "
        "requests"
    ]
    if spin.num_requests:
        median, late = (spin.get_response_time_percentile(share) for share in (0.5, 0.99))
        lines.append(f"spin latency: p50 {median:.0f} ms, p99 {late:.0f} ms")
    lines += [
        f"{operator}: {tally.spins[operator]} bets, wagered {tally.wagered[operator]}, "
        f"won {tally.won[operator]} minor units"
        for operator in sorted(tally.spins)
    ]
    lines += [f"{count} bots could not log in: {code}" for code, count in tally.turned_away.items()]
    lines += [
        f"failed: {error.to_name()}: {error.occurrences}×"
        for error in environment.stats.errors.values()
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadgen.swarm", description=__doc__)
    parser.add_argument("--credentials", type=Path, required=True, help="credentials.json")
    parser.add_argument("--bots", type=int, default=40)
    parser.add_argument("--spawn-rate", type=float, default=4.0, help="bots started a second")
    parser.add_argument("--for", dest="seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--shape", choices=("steady", "day"), default="steady")
    parser.add_argument("--day-seconds", type=float, default=1200.0, help="length of a day")
    parser.add_argument("--headless", action="store_true", help="without locust's web page")
    parser.add_argument("--web-port", type=int, default=8089)
    return parser


if __name__ == "__main__":
    sys.exit(main())
