"""Runs a stack of Postgres and Redis alone, as `pitboss up` runs the whole one.

`python stores_only.py DATA_DIR` prints READY and the supervisor's reports, one line each.
"""

import asyncio
import sys

from api.stack.errors import StackError
from api.stack.up import Options, run


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(run(Options(data_dir=sys.argv[1], parts=("postgres", "redis")), report))
    except StackError as error:
        sys.exit(f"Error: {error}")
