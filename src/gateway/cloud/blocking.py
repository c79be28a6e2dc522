"""Asking Google's blocking clients from an event loop: in threads, within a deadline, with errors of our own."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from gateway.cloud.lookups import LocationError, LookupObserver, LookupResult, UnavailableError
from gateway.cloud.translation import result_of, translating

_DELAYS: Final[dict[str, Any]] = {"initial": 0.2, "maximum": 2.0, "multiplier": 2.0}
"""Seconds between two attempts of one question."""

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
        self.name, self.deadline = service.name, deadline.total_seconds()
        self._service, self._observer = service, observer
        prefix = service.name.lower().replace(" ", "-")
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=prefix)
        self._building = Lock()
        self._built: Any = None

    async def built(self, uri: str = "") -> Any:
        """Google's client, imported and built in a thread where it is not yet; `uri` is what it is needed for.

        Raises:
            UnavailableError: there are no credentials.

        """
        return self._built or await self.in_thread(functools.partial(self._translated, uri, self._client))

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
        call = functools.partial(self._translated, uri, lambda: read(self._client(), self.patience()))
        return await self.in_time(kind, uri, self.in_thread(call))

    async def in_time(self, kind: str, uri: str, answer: Awaitable[_Answer]) -> _Answer:
        """What `answer` brings within the deadline; counted under `kind`."""
        try:
            found = await self._within_deadline(uri, answer)
        except LocationError as failure:
            self._observer.location_lookup(kind, result_of(failure))
            raise
        self._observer.location_lookup(kind, LookupResult.FOUND)
        return found

    async def in_thread(self, call: Callable[[], _Answer]) -> _Answer:
        """What `call` answers in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def patience(self) -> dict[str, Any]:
        """The keywords that bound a call of Google's client. For a thread, where the client is not built yet."""
        retry = self._service.retry().with_timeout(self.deadline)
        return {"timeout": self.deadline, "retry": retry.with_delay(**_DELAYS)}

    def retrying(self) -> Any:
        """Google's wrapper for coroutines that repeats what its client would, as often and after the same waits."""
        from google.api_core.retry import AsyncRetry

        predicate = self._service.retry()._predicate  # noqa: SLF001 - the rules have no public name
        return AsyncRetry(predicate=predicate, timeout=self.deadline, **_DELAYS)

    async def _within_deadline(self, uri: str, answer: Awaitable[_Answer]) -> _Answer:
        try:
            async with asyncio.timeout(self.deadline):
                return await answer
        except TimeoutError as error:
            raise UnavailableError(uri, f"{self.name} did not answer in time") from error

    def _translated(self, uri: str, call: Callable[[], _Answer]) -> _Answer:
        with translating(self.name, uri):
            return call()

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
