"""Asking Google's blocking clients from an event loop: in threads, within a deadline, with errors of our own."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from gateway.cloud.lookups import (
    ForbiddenError,
    LocationError,
    LookupObserver,
    LookupResult,
    MissingError,
    UnavailableError,
)

_RATE_REASONS: Final = frozenset({"rateLimitExceeded", "quotaExceeded", "userRateLimitExceeded"})
"""What a 403 that is about the number of requests, and not about rights, gives as its reason."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Service:
    """One of Google's services: its name in sentences, how its client is built, and the retry that the client knows.

    Both callables import Google's code, so they are called in threads only.
    """

    name: str
    build: Callable[[], Any]
    retry: Callable[[], Any]


class BlockingClient:
    """One client, imported and built when it is first needed, asked in a few threads of its own.

    Args:
        service: what is asked.
        deadline: for one question, retries and the wait for a thread included.
        threads: how many questions may be under way at once.
        observer: who counts them.

    """

    def __init__(self, service: Service, deadline: timedelta, threads: int, observer: LookupObserver) -> None:
        self._service, self._deadline, self._observer = service, deadline.total_seconds(), observer
        prefix = service.name.lower().replace(" ", "-")
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=prefix)
        self._building = Lock()
        self._built: Any = None

    async def warm(self) -> None:
        """Import and build the client, so that no caller waits for that.

        Raises:
            UnavailableError: there are no credentials.

        """
        build = functools.partial(_translating, self._service.name, "", self._client)
        await asyncio.get_running_loop().run_in_executor(self._threads, build)

    def close(self) -> None:
        """Take no more questions. Threads that wait for the network end by their own deadlines."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._built is not None:
            self._built.close()

    async def ask(self, kind: str, uri: str, read: Callable[[Any, dict[str, Any]], _Answer]) -> _Answer:
        """What `read` answers, given the client and the keywords that bound a call; counted under `kind`.

        Raises:
            MissingError, ForbiddenError, UnavailableError: about `uri`; nothing of Google's.

        """
        try:
            answer = await self._in_time(uri, lambda: read(self._client(), self._patience()))
        except LocationError as failure:
            self._observer.location_lookup(kind, _result(failure))
            raise
        self._observer.location_lookup(kind, LookupResult.FOUND)
        return answer

    async def _in_time(self, uri: str, read: Callable[[], _Answer]) -> _Answer:
        call = functools.partial(_translating, self._service.name, uri, read)
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as error:
            raise UnavailableError(uri, f"{self._service.name} did not answer in time") from error

    def _patience(self) -> dict[str, Any]:
        retry = self._service.retry().with_timeout(self._deadline)
        return {"timeout": self._deadline, "retry": retry.with_delay(initial=0.2, maximum=2.0, multiplier=2.0)}

    def _client(self) -> Any:
        with self._building:
            if self._built is None:
                self._built = self._service.build()
            return self._built


def build_client(kind: Any, endpoint: str, project: str) -> Any:
    """A client of the class `kind`: with Google's usual credentials, or without any for an `endpoint` of one's own."""
    from google.auth.credentials import AnonymousCredentials

    if not endpoint:
        return _settled(kind(project=project or None))
    return _settled(
        kind(
            project=project or "unused",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # Google's library has no types here.
            client_options={"api_endpoint": endpoint},
        )
    )


def _settled(client: Any) -> Any:
    """The client with the environment's proxies and certificates read now, once: its session would read them again at
    every request, which takes it as long as all else that it does for one.
    """
    session, url = client._http, client._connection.API_BASE_URL  # noqa: SLF001 - the client has no other way to them
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = found["proxies"], found["verify"], False
    return client


def _translating(service: str, uri: str, read: Callable[[], _Answer]) -> _Answer:
    """What `read` answers; what Google's client raises becomes ours. Runs in a thread, as it may import the client."""
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError

    try:
        return read()
    except api.NotFound as error:
        raise MissingError(uri, f"{service} does not know it") from error
    except api.Forbidden as error:
        if _RATE_REASONS & {each.get("reason") for each in error.errors if isinstance(each, dict)}:
            raise UnavailableError(uri, f"{service} is asked too often") from error
        raise ForbiddenError(uri, f"{service} does not let the gateway look at it") from error
    except (api.Unauthorized, GoogleAuthError) as error:
        raise UnavailableError(uri, f"{service} does not accept the gateway's credentials") from error
    except (api.BadRequest, api.MethodNotAllowed, api.PreconditionFailed) as error:
        raise ForbiddenError(uri, f"{service} refuses the look-up with HTTP status {error.code}") from error
    except (api.GoogleAPIError, OSError) as error:
        raise UnavailableError(uri, f"{service} does not answer") from error


def _result(failure: LocationError) -> LookupResult:
    match failure:
        case MissingError():
            return LookupResult.MISSING
        case ForbiddenError():
            return LookupResult.FORBIDDEN
    return LookupResult.UNAVAILABLE
