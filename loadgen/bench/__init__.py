"""Benches: the platform measured beside a reference on the same machine."""


class BenchError(Exception):
    """The bench cannot be run, or measured nothing; the text says why."""
