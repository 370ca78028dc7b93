"""Password hashes: argon2id, off the event loop.

Parameters: the OWASP Password Storage Cheat Sheet's first choice, 19 MiB, 2 passes, 1 lane; about
25 ms. Two threads at most, so that a wave of logins slows logins and not bets.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

THREADS = 2


class Passwords:
    """Hashes and checks passwords in threads of its own. One a process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        # What an unknown login is checked against, so that it takes as long as a known one.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The argon2id hash of ``password`` in its standard text form."""
        return await self._in_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one; None for a login that nobody has takes as long."""
        matched = await self._in_thread(self._verify, password_hash or self._nobody, password)
        return matched and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads end once they are idle."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
