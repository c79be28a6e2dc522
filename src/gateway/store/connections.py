"""One group of connections: sessions, and transactions whose outcome is known or said not to be."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from gateway.store.driver import DRIVER_ERRORS, keep_alive, surely_rolled_back, translate
from gateway.store.errors import CommitUnknownError, StoreError, StoreUnavailableError, failure_of, surface
from gateway.store.session_settings import KEEPALIVE, Limits, server_settings

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 2.0
"""How much longer than the server's own limit we wait for an answer before the connection counts as dead."""

Timed = Callable[[str, float, str], None]
"""`timed(op, seconds, failure)`: told how long each session or transaction took, waiting for a connection included, and
by one word how the store failed in it; "" where it did not.
"""

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy

T = TypeVar("T")


class Session:
    """Statements on one connection, each of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, query: str, *args: Any) -> list[asyncpg.Record]:
        return await self._connection.fetch(query, *args)

    async def row(self, query: str, *args: Any) -> asyncpg.Record | None:
        return await self._connection.fetchrow(query, *args)

    async def value(self, query: str, *args: Any) -> Any:
        return await self._connection.fetchval(query, *args)

    async def run(self, query: str, *args: Any) -> None:
        await self._connection.execute(query, *args)

    async def run_each(self, query: str, args: Iterable[tuple[Any, ...]]) -> None:
        await self._connection.executemany(query, args)


class Transaction(Session):
    """Statements that are kept together or not at all."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._hooks: list[Callable[[], None]] = []
        self._unknown_hooks: list[Callable[[], None]] = []

    def on_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` once PostgreSQL has answered COMMIT, even when the caller has been cancelled meanwhile."""
        self._hooks.append(hook)

    def on_unknown(self, hook: Callable[[], None]) -> None:
        """Call `hook` where nothing has answered COMMIT, so that nobody knows what became of it."""
        self._unknown_hooks.append(hook)

    async def commit(self, seconds: float) -> None:
        """End the transaction. Raises CommitUnknownError where no answer says what became of it."""
        try:
            status = await self._connection.execute("COMMIT", timeout=seconds)
        except DRIVER_ERRORS as error:
            self._drop()
            if surely_rolled_back(error):
                raise
            for hook in self._unknown_hooks:
                self._call(hook)
            raise CommitUnknownError(f"COMMIT was not answered: {type(error).__name__}: {error}") from error
        if status != "COMMIT":
            raise StoreUnavailableError("PostgreSQL had given the transaction up before its COMMIT")
        for hook in self._hooks:
            self._call(hook)

    async def roll_back(self, seconds: float) -> None:
        """Undo everything; a connection that cannot is closed, which undoes it as well."""
        try:
            await self._connection.execute("ROLLBACK", timeout=seconds)
        except DRIVER_ERRORS:
            self._drop()

    def _drop(self) -> None:
        """Close without a word to the server. A connection that broke has left the group already, and says so."""
        with suppress(asyncpg.InterfaceError):
            self._connection.terminate()

    def _call(self, hook: Callable[[], None]) -> None:
        """What is committed is committed: a hook that fails is told to the log, not to the caller."""
        try:
            hook()
        except Exception:
            log.exception("commit_hook_failed")


class Connections:
    """One group of connections. It recovers by itself when PostgreSQL comes back.

    Every error of the driver leaves as one of `errors.py`, except where it shows a defect. `for_callers` says that a
    caller of the API waits for the work: `surfaced` then makes a refusal of it.
    """

    def __init__(
        self, url: str, name: str, size: int, limits: Limits, timed: Timed, *, for_callers: bool = False
    ) -> None:
        self.name, self.limits, self._for_callers = name, limits, for_callers
        self._url, self._timed = url, timed
        self._patience = limits.statement / 1000 + GRACE_SECONDS
        self._pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            init=_prepare,
            reset=_keep,
            timeout=CONNECT_SECONDS,
            command_timeout=self._patience,
            server_settings=server_settings(limits, name),
        )

    async def open(self) -> None:
        """Make the group usable; connections are made when they are needed."""
        await self._pool

    async def close(self, seconds: float) -> None:
        """Close all connections, giving those in use `seconds` to come back."""
        try:
            async with asyncio.timeout(seconds):
                await self._pool.close()
        except (TimeoutError, *DRIVER_ERRORS):
            self._pool.terminate()

    @asynccontextmanager
    async def surfaced(self) -> AsyncIterator[None]:
        """Around a whole operation: on the API's connections, errors of the store leave as GatewayError."""
        try:
            yield
        except StoreError as error:
            if self._for_callers:
                raise surface(error) from error
            raise

    def surface(self, error: StoreError) -> Exception:
        """What `surfaced` makes of an error, for where entering it at every call would cost too much."""
        return surface(error) if self._for_callers else error

    @asynccontextmanager
    async def session(self, op: str) -> AsyncIterator[Session]:
        """One connection for statements that commit by themselves."""
        async with self._connection(op) as connection:
            yield Session(connection)

    @asynccontextmanager
    async def snapshot(self, op: str) -> AsyncIterator[Session]:
        """Statements that all see the store as of the first; nothing may be written."""
        async with self._connection(op) as connection:
            transaction = Transaction(connection)
            try:
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield transaction
            finally:
                await finish(transaction.roll_back(self._patience))

    @asynccontextmanager
    async def transaction(self, op: str) -> AsyncIterator[Transaction]:
        """BEGIN … COMMIT. COMMIT and ROLLBACK are finished even when the caller is cancelled."""
        async with self._connection(op) as connection:
            transaction = Transaction(connection)
            try:
                await connection.execute("BEGIN")
                yield transaction
            except BaseException:
                await finish(transaction.roll_back(self._patience))
                raise
            await finish(transaction.commit(self._patience))

    @asynccontextmanager
    async def _connection(self, op: str) -> AsyncIterator[Connection]:
        with self.watched(op):
            async with self._pool.acquire(timeout=self._patience) as connection:
                yield connection

    async def take(self) -> PoolConnectionProxy:
        """A connection of the group, to be given back. Inside `watched`, as the driver's errors leave as they are."""
        return await self._pool.acquire(timeout=self._patience)

    async def give_back(self, connection: PoolConnectionProxy) -> None:
        """Hand back what was taken, broken or not."""
        await self._pool.release(connection)

    @contextmanager
    def watched(self, op: str) -> Iterator[None]:
        """Time what is done inside, and have the driver's errors leave as the store's own."""
        began, failure = time.monotonic(), ""
        try:
            yield
        except (*DRIVER_ERRORS, StoreError) as error:
            own = translate(error)
            failure = failure_of(own)
            if own is error:
                raise
            raise own from error
        finally:
            self._timed(op, time.monotonic() - began, failure)

    async def connect(self) -> asyncpg.Connection:
        """A connection outside the group, which the caller closes: for the start checks and the listener."""
        with self.watched("connect"):
            connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS,
                command_timeout=self._patience,
                server_settings=server_settings(self.limits, self.name),
                statement_cache_size=0,
            )
        await _prepare(connection)
        return connection


def is_lost(connection: PoolConnectionProxy) -> bool:
    """Whether it broke while nothing was asked on it: it has left the group then, and answers nothing any more."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


async def finish(work: Awaitable[T]) -> T:
    """Await `work` to its end even when the caller is cancelled; the cancellation is raised after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise cancelled from (None if task.cancelled() else task.exception())


async def _prepare(connection: asyncpg.Connection) -> None:
    keep_alive(connection, **KEEPALIVE)


async def _keep(_: asyncpg.Connection) -> None:
    """Nothing to reset: the store leaves no state in a session, and a question to the server would cost each call."""
