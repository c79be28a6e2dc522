"""Reading one of Google's JSON APIs on an event loop, as Google's own client would in a thread.

Only the transport is another. Address, credentials, names in headers, proxies and certificates are taken from a built
client, and a refusal is raised as the error that the client would raise. The transport is imported in a thread.
"""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from gateway.cloud.authorization import Authorization

if TYPE_CHECKING:
    from aiohttp import ClientSession

_UNSAID: Final = ("Accept", "Accept-Encoding")
"""Headers that the transport would send by itself, and that answers of a few bytes are better off without."""


@dataclass(frozen=True, slots=True)
class JsonApi:
    """The API that a client of Google's speaks to, at `base`; `close` ends its connections."""

    base: str
    session: "ClientSession"
    authorization: Authorization

    @classmethod
    async def of(
        cls,
        client: Any,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        deadline: float,
        connections: int,
    ) -> Self:
        """What `client` speaks to. A token may take `deadline` seconds; `connections` bounds how many are open.

        Raises:
            OSError: the authorities that the environment names cannot be read.

        """
        connection, http, credentials = client._connection, client._http, client._credentials  # noqa: SLF001 - it has no other way to them
        base = connection.build_api_url("").partition("?")[0]
        certificates, request, proxy = await in_thread(functools.partial(_read_environment, base, http))
        session = _session(connection.user_agent, certificates, proxy, connections)
        fetch = functools.partial(request, timeout=deadline)
        return cls(base, session, Authorization(credentials, fetch, in_thread))

    async def close(self) -> None:
        """End what is under way."""
        await self.session.close()

    async def get(self, path: str, query: str) -> Any:
        """The answer to a GET of `path`; both are percent-encoded. A refused token is renewed once.

        Raises:
            GoogleAPICallError: what is answered is a refusal.
            GoogleAuthError: there is no token to be had.
            OSError: there is no answer, or none that is JSON.

        """
        url = f"{self.base}{path}?{query}"
        token, (status, body) = await self._send(url)
        if status == HTTPStatus.UNAUTHORIZED:
            await self.authorization.renew(token)
            _, (status, body) = await self._send(url)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(status, body)
        try:
            return orjson.loads(body)
        except ValueError as error:
            raise OSError("the answer is not JSON") from error

    async def _send(self, url: str) -> tuple[str | None, tuple[int, bytes]]:
        """The token that was sent, and the status and the body that came back."""
        from aiohttp import ClientConnectionError, ClientError, ClientPayloadError
        from yarl import URL

        headers = await self.authorization.headers(url)
        token = self.authorization.token
        try:
            async with self.session.get(URL(url, encoded=True), headers=headers) as answer:
                return token, (answer.status, await answer.read())
        except (ClientConnectionError, ClientPayloadError) as error:
            raise ConnectionError(str(error)) from error
        except ClientError as error:
            raise OSError(str(error)) from error


def _read_environment(base: str, http: Any) -> tuple[SSLContext | bool, Any, str | None]:
    """What a client's session trusts, what fetches tokens, and the proxy on the way, if any. Imports the transport."""
    import aiohttp  # noqa: F401 - it is imported here so that no import on the event loop takes long
    from google.auth.transport.requests import Request
    from requests.utils import select_proxy

    certificates = _certificates(http.verify) if base.startswith("https:") else True
    return certificates, Request(), select_proxy(base, http.proxies)


def _certificates(trusted: str | bool) -> SSLContext:
    """The authorities that a client trusts: its own list, or the file or folder that the environment names."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    place = Path(trusted if isinstance(trusted, str) else DEFAULT_CA_BUNDLE_PATH)
    return create_default_context(capath=place) if place.is_dir() else create_default_context(cafile=place)


def _session(agent: str, certificates: SSLContext | bool, proxy: str | None, connections: int) -> "ClientSession":
    """One that keeps connections, and nothing else, from one request to the next."""
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

    return ClientSession(
        connector=TCPConnector(limit=connections, ssl=certificates),
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": agent, "X-Goog-API-Client": agent},
        skip_auto_headers=_UNSAID,
        timeout=ClientTimeout(),
        proxy=proxy,
    )


def _refusal(status: int, body: bytes) -> Exception:
    """Google's error for a refusal, with the reasons that its body gives."""
    from google.api_core.exceptions import from_http_status

    try:
        reasons = orjson.loads(body)["error"]["errors"]
    except (ValueError, TypeError, KeyError):
        reasons = ()
    known = {"errors": reasons if isinstance(reasons, list) else ()}
    refusal: Exception = from_http_status(status, "refused", **known)  # type: ignore[no-untyped-call]  # No types there.
    return refusal
