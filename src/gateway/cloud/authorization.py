"""What Google wants to see in a request's headers, from the credentials of Google's own library, on an event loop.

The library fetches tokens with calls that block. Here they are fetched in a thread, one at a time: however many
look-ups find the token old, one of them asks for another, and the others wait for it.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any


class Authorization:
    """The headers that credentials give to requests.

    Args:
        credentials: of `google.auth`, with the scopes of the client that they were taken from.
        request: Google's transport, with which the credentials fetch a token. It blocks.
        in_thread: runs a call in a thread.

    """

    def __init__(
        self, credentials: Any, request: Any, in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> None:
        self._credentials, self._request, self._in_thread = credentials, request, in_thread
        self._flight: asyncio.Future[Any] | None = None

    @property
    def token(self) -> str | None:
        """The one that is sent now."""
        token: str | None = self._credentials.token
        return token

    async def headers(self, url: str) -> dict[str, str]:
        """Token, project that is billed and whatever else the credentials give; the token is renewed before it ends.

        Raises:
            GoogleAuthError: there is no token to be had.

        """
        headers: dict[str, str] = {}
        if self._credentials.valid:
            self._credentials.before_request(self._request, "GET", url, headers)
        else:
            await self.renew(self.token)
            # Not as above: a token that comes with little time left would be fetched again, on the event loop.
            self._credentials.apply(headers)
        return headers

    async def renew(self, refused: str | None) -> None:
        """Have another token than the one that was refused, which somebody else may have brought already.

        Raises:
            GoogleAuthError: there is none to be had.

        """
        if self.token != refused:
            return
        if self._flight is None:
            fetch = functools.partial(self._credentials.refresh, self._request)
            self._flight = asyncio.ensure_future(self._in_thread(fetch))
            self._flight.add_done_callback(self._landed)
        await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Future[Any]) -> None:
        self._flight = None
        if not flight.cancelled():
            # Read here because everybody who waited may have gone; asyncio would complain of an unseen failure.
            flight.exception()
