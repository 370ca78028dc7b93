"""What the bet batch counts, in Prometheus's terms."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Histogram

BETS = Counter(
    "pitboss_bets",
    "Spins answered: settled, replayed (the key was known), failed, or a refusal's code",
    ["outcome"],
)
BATCH_BETS = Histogram(
    "pitboss_bet_batch_bets",
    "Bets that shared a transaction",
    buckets=[1, 2, 4, 8, 16, 32, 64, 128],
)
BATCH_SECONDS = Histogram(
    "pitboss_bet_batch_seconds",
    "From a batch's first statement to its commit, retries included",
    buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
)

SETTLED = BETS.labels("settled")
REPLAYED = BETS.labels("replayed")
FAILED = BETS.labels("failed")


def count_refusal(code: str) -> None:
    """A bet that was refused; ``code`` is the refusal's."""
    BETS.labels(code).inc()


@contextmanager
def measured(bets: int) -> Iterator[None]:
    """Record size and duration of a batch that commits; one that fails is not a measurement."""
    started = perf_counter()
    yield
    BATCH_SECONDS.observe(perf_counter() - started)
    BATCH_BETS.observe(bets)
