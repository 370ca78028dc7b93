"""Rebuilds one table in a process of its own, so that a test can kill it."""

import asyncio
import sys

from warehouse.rebuild import rebuild
from warehouse.recipes import RECIPES

if __name__ == "__main__":
    postgres_url, clickhouse_url, name = sys.argv[1:]
    print(asyncio.run(rebuild(postgres_url, clickhouse_url, RECIPES[name])), flush=True)
