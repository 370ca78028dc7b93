"""Which handle a request gets, and that none stays with a client that has left."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from warehouse.gateway.engine import Handle, Limits, Pool


class Connection:
    """Takes any statement."""

    def query(self, *_: object, **__: object) -> Any:
        return self

    def __getattr__(self, _: str) -> Any:
        return lambda: b""


def pool_of(size: int) -> Pool:
    return Pool(lambda: Handle(lambda: cast(Any, Connection()), {}), size, Limits())


@pytest.mark.parametrize("turns", range(6))
async def test_no_moment_of_a_cancellation_is_forgotten(turns: int) -> None:
    pool = pool_of(1)
    lent: list[object] = []
    stay = asyncio.Event()

    async def borrow() -> None:
        async with pool.lend({}) as handle:
            lent.append(handle)
            await stay.wait()

    borrowing = asyncio.create_task(borrow())
    for _ in range(turns):
        await asyncio.sleep(0)
    borrowing.cancel()
    done, _ = await asyncio.wait({borrowing}, timeout=5)
    assert done
    assert borrowing.cancelled()
    async with asyncio.timeout(5), pool.lend({}) as handle:  # it is free again
        assert lent in ([], [handle])


async def test_a_request_gets_the_handle_with_the_fewest_settings_to_change() -> None:
    pool = pool_of(3)
    of_reports = {"max_execution_time": "20", "wait_end_of_query": "1"}
    of_inserts = {"async_insert": "0", "insert_deduplication_token": "a"}
    handles: list[Handle] = []
    async with AsyncExitStack() as stack:
        for settings in ({}, of_reports, of_inserts):
            handles.append(await stack.enter_async_context(pool.lend(settings)))
            handles[-1].prepare("", settings)
    for settings, expected in (
        (of_reports, handles[1]),
        (of_inserts | {"insert_deduplication_token": "b"}, handles[2]),
        ({}, handles[0]),
    ):
        async with pool.lend(settings) as handle:
            assert handle is expected
