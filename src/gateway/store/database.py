"""The store's connections to PostgreSQL: one group for each kind of work, opened together and checked at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from gateway.store.connections import Connections, Timed
from gateway.store.driver import DRIVER_ERRORS, translate
from gateway.store.session_settings import Limits, check_direct, check_session

__all__ = ["Connections", "Database", "Limits", "Sizes"]

CLOSE_SECONDS: Final = 5.0

LIMITS: Final[Mapping[str, Limits]] = {
    "api": Limits(statement=5_000, lock=2_000),
    # What the controller finds locked it meets again in its next pass.
    "controller": Limits(statement=5_000, lock=500),
    # A renewal that waits longer than this is worth nothing.
    "lease": Limits(statement=3_000, lock=2_500),
    "feed": Limits(statement=5_000, lock=2_000),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many connections each group may hold. The feed holds one more, to listen on."""

    api: int = 8
    controller: int = 4
    lease: int = 1
    feed: int = 1


def _untimed(_op: str, _seconds: float, _failure: str) -> None:
    """Nobody wants to know."""


class Database:
    """The groups: `api`, `controller`, `lease` and `feed`.

    They are apart so that a flood of one kind of work never starves another: creates must not delay the renewal of the
    lease. `api` is for what a caller waits for; `surface` makes its errors `GatewayError`.
    """

    def __init__(
        self,
        url: str,
        sizes: Sizes = Sizes(),
        *,
        timed: Timed = _untimed,
        limits: Mapping[str, Limits] = LIMITS,
    ) -> None:
        def group(name: str, size: int) -> Connections:
            return Connections(url, name, size, limits[name], timed, for_callers=name == "api")

        self.api = group("api", sizes.api)
        self.controller = group("controller", sizes.controller)
        self.lease = group("lease", sizes.lease)
        self.feed = group("feed", sizes.feed)
        self._groups = (self.api, self.controller, self.lease, self.feed)

    @classmethod
    async def open(
        cls,
        url: str,
        sizes: Sizes = Sizes(),
        *,
        timed: Timed = _untimed,
        limits: Mapping[str, Limits] = LIMITS,
    ) -> Self:
        """Open and check. Raises StoreUnavailableError, and UnfitDatabaseError for what breaks the store's promises."""
        database = cls(url, sizes, timed=timed, limits=limits)
        try:
            for group in database._groups:
                await group.open()
            for group in database._groups:
                await _check(group)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection; what is in use is waited for, briefly."""
        for group in self._groups:
            await group.close(CLOSE_SECONDS)


async def _check(group: Connections) -> None:
    one = await group.connect()
    try:
        other = await group.connect()
        try:
            await check_session(one, group.limits)
            await check_direct(one, other)
        finally:
            await other.close()
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await one.close()
