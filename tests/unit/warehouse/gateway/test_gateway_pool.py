"""A handle is not lent to a request whose client has left, whenever that was."""

import asyncio
from typing import Any, cast

import pytest

from warehouse.gateway.engine import Limits, Pool


@pytest.mark.parametrize("turns", range(6))
async def test_no_moment_of_a_cancellation_is_forgotten(turns: int) -> None:
    pool = Pool(lambda: cast(Any, object()), 1, Limits())
    lent: list[object] = []
    stay = asyncio.Event()

    async def borrow() -> None:
        async with pool.lend() as handle:
            lent.append(handle)
            await stay.wait()

    borrowing = asyncio.create_task(borrow())
    for _ in range(turns):
        await asyncio.sleep(0)
    borrowing.cancel()
    done, _ = await asyncio.wait({borrowing}, timeout=5)
    assert done
    assert borrowing.cancelled()
    async with asyncio.timeout(5), pool.lend() as handle:  # it is free again
        assert lent in ([], [handle])
