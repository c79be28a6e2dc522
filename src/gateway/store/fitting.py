"""Whether this binary may serve on the schema that the database has, and waiting until it may."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.store import migrate

LOOK_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class SchemaError(Exception):
    """The database's schema is not one that this version may ever serve on."""


async def until_schema_fits(url: str, clock: Clock) -> None:
    """Return when the schema is this version's, or one version away from it. The database is asked now and then.

    Replicas and the migration start together at an installation: who comes first waits.

    Raises:
        SchemaError: it is newer than that, and waiting would not help.
        StoreError: the database cannot be asked.

    """
    await _until_fits(lambda: migrate.current(url), clock)


async def _until_fits(read: Callable[[], Awaitable[str | None]], clock: Clock) -> None:
    told: str | None = ""
    while not migrate.fits(found := await read()):
        if migrate.is_newer(found):
            raise SchemaError(
                f"The database's schema is at {found}, and this version needs {migrate.head()}: a newer version has "
                "migrated it. Run that version, or the one before it."
            )
        if found != told:
            log.warning("waits_for_schema", found=found or "nothing", needed=migrate.head(), run="gateway migrate")
            told = found
        await clock.sleep(LOOK_SECONDS)
