"""The rows of an INSERT, received whole before the engine sees the first of them.

A client that breaks off, or a body damaged on its last block, so never leaves part of an insert
behind. Small bodies stay in memory, larger ones go to the temporary directory; either way the
engine reads them by descriptor.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from types import TracebackType

_MEMORY_BYTES = 8 << 20
_WRITE_BYTES = 1 << 20


class Rows:
    """A file of rows without a name, open until the end of the `with` block."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("rows", os.MFD_CLOEXEC)
        self._bytes = 0
        self._on_disk = False

    def __enter__(self) -> Rows:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self.fd)

    async def receive(self, body: AsyncIterator[bytes]) -> None:
        """Takes all of `body`."""
        pending = bytearray()
        async for chunk in body:
            pending += chunk
            if len(pending) >= _WRITE_BYTES:
                await self._write(bytes(pending))
                pending.clear()
        await self._write(bytes(pending))

    async def _write(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > _MEMORY_BYTES:
            await asyncio.to_thread(self._write_to_disk, data)
        else:
            _write_all(self.fd, data)

    def _write_to_disk(self, data: bytes) -> None:
        if not self._on_disk:
            with tempfile.TemporaryFile() as file:
                disk = os.dup(file.fileno())
            size = os.lseek(self.fd, 0, os.SEEK_CUR)
            sent = 0
            while sent < size:
                sent += os.sendfile(disk, self.fd, sent, size - sent)
            os.close(self.fd)
            self.fd, self._on_disk = disk, True
        _write_all(self.fd, data)


def _write_all(fd: int, data: bytes) -> None:
    """`os.write` takes up to 2 GiB at once and may take less than all."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
