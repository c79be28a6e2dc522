"""A bell that many may wait for: each ring wakes those who were waiting, and nobody misses one they listened for."""

import asyncio


class Bell:
    """`next` is the coming ring. Taken before a look at the state, it cannot be missed in between."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def next(self) -> "asyncio.Future[None]":
        """A future that is done at the next ring. It is shared: wait for it, never cancel it."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def ring(self) -> None:
        """Wake everybody."""
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None
