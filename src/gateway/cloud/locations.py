"""The look-ups of the place check, made from the settings: Cloud Storage's and BigQuery's."""

from dataclasses import dataclass
from typing import Self

import structlog

from gateway.clock import Clock
from gateway.cloud.bigquery import BigQueryOptions, BigQueryPlaces
from gateway.cloud.lookups import LookupObserver, UnavailableError
from gateway.cloud.storage import StorageOptions, StoragePlaces
from gateway.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Locations:
    """Both services. Google's client for BigQuery is imported when it is first needed."""

    storage: StoragePlaces
    tables: BigQueryPlaces

    @classmethod
    def of(cls, settings: Settings, observer: LookupObserver, clock: Clock) -> Self:
        storage = StorageOptions(
            endpoint=settings.storage_endpoint,
            project=settings.storage_project,
            deadline=settings.location_deadline,
            lifetime=settings.location_lifetime,
        )
        tables = BigQueryOptions(
            endpoint=settings.bigquery_endpoint,
            project=settings.bigquery_project,
            deadline=settings.location_deadline,
            lifetime=settings.location_lifetime,
        )
        return cls(StoragePlaces(storage, observer, clock), BigQueryPlaces(tables, observer, clock))

    async def warm_storage(self) -> None:
        """Have Cloud Storage's client ready. Without credentials the log says so, and look-ups will."""
        try:
            await self.storage.warm()
        except UnavailableError as error:
            log.warning("Cloud Storage cannot be asked yet", error=str(error))

    async def warm_tables(self) -> None:
        """The same for BigQuery's."""
        try:
            await self.tables.warm()
        except UnavailableError as error:
            log.warning("BigQuery cannot be asked yet", error=str(error))

    async def close(self) -> None:
        """End what is under way."""
        await self.storage.close()
        await self.tables.close()
