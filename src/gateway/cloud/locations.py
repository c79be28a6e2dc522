"""The look-ups of the place check, made from the settings: Cloud Storage's and BigQuery's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import structlog

from gateway.clock import Clock
from gateway.cloud.bigquery import BigQueryPlaces
from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.lookups import LookupObserver, UnavailableError
from gateway.cloud.storage import StoragePlaces
from gateway.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Locations:
    """Both services. Google's client for BigQuery is imported when it is first needed."""

    storage: StoragePlaces
    tables: BigQueryPlaces

    @classmethod
    def of(cls, settings: Settings, observer: LookupObserver, clock: Clock) -> Self:
        def options(endpoint: str, project: str) -> LookupOptions:
            deadline, lifetime = settings.location_deadline, settings.location_lifetime
            return LookupOptions(endpoint, project, deadline=deadline, lifetime=lifetime)

        storage = options(settings.storage_endpoint, settings.storage_project)
        tables = options(settings.bigquery_endpoint, settings.bigquery_project)
        return cls(StoragePlaces(storage, observer, clock), BigQueryPlaces(tables, observer, clock))

    async def warm_storage(self) -> None:
        """Have Cloud Storage's client ready. Without credentials the log says so, and look-ups will."""
        await _warm("Cloud Storage", self.storage.warm)

    async def warm_sizes(self) -> None:
        """Have ready what asks for the sizes of objects."""
        await _warm("Cloud Storage", self.storage.warm_sizes)

    async def warm_tables(self) -> None:
        """The same for BigQuery's."""
        await _warm("BigQuery", self.tables.warm)

    async def close(self) -> None:
        """End what is under way."""
        await self.storage.close()
        await self.tables.close()


async def _warm(service: str, warm: Callable[[], Awaitable[None]]) -> None:
    try:
        await warm()
    except UnavailableError as error:
        log.warning("a service cannot be asked yet", service=service, error=str(error))
