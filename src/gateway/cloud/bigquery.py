"""Where datasets lie and what tables are, through Google's own BigQuery client.

The client blocks, so it runs in a few threads of its own. It is imported when it is first needed: most gateways may
never use it. Dataset places are cached; what a table is and holds never is, because it may change between two creates.
"""

import functools
from typing import Any, Final

from gateway.clock import Clock
from gateway.cloud.blocking import Service, build_client
from gateway.cloud.google_lookups import GoogleLookups, LookupOptions
from gateway.cloud.lookups import LookupObserver, UnavailableError
from gateway.domain.datasets import TABLE, DatasetPlace, TableFacts
from gateway.domain.uris import BIGQUERY, split_table

DATASET_KIND: Final = "dataset"
TABLE_KIND: Final = "table"


class BigQueryPlaces(GoogleLookups[DatasetPlace]):
    """Look-ups in BigQuery for the checks at create."""

    def __init__(self, options: LookupOptions, observer: LookupObserver, clock: Clock | None = None) -> None:
        service = Service("BigQuery", functools.partial(_build, options), _retry)
        super().__init__(service, DATASET_KIND, _read_place, options, observer, clock)

    async def dataset_place(self, table: str) -> DatasetPlace:
        """Where the dataset of `bq://project.dataset.table` lies; at most `lifetime` old. The table need not exist."""
        return await self._places.get(table.rpartition(".")[0])

    async def table_facts(self, table: str) -> TableFacts:
        """What `bq://project.dataset.table` is and holds, as it is now."""
        return await self._client.ask(TABLE_KIND, table, functools.partial(_read_table, table))


def _read_place(dataset: str, client: Any, patience: dict[str, Any]) -> DatasetPlace:
    from google.cloud.bigquery import DatasetReference

    project, _, name = dataset.removeprefix(BIGQUERY).rpartition(".")
    try:
        location = client.get_dataset(DatasetReference(project, name), **patience).location
    except _NO_ANSWER as error:
        raise UnavailableError(dataset, "what answers is not BigQuery") from error
    if not location:
        raise UnavailableError(dataset, "BigQuery does not say where it is")
    return DatasetPlace.of(location)


def _read_table(table: str, client: Any, patience: dict[str, Any]) -> TableFacts:
    from google.cloud.bigquery import DatasetReference

    parts = split_table(table)
    try:
        found = client.get_table(DatasetReference(parts.project, parts.dataset).table(parts.table), **patience)
    except _NO_ANSWER as error:
        raise UnavailableError(table, "what answers is not BigQuery") from error
    if found.table_type != TABLE:
        return TableFacts(found.table_type or "thing of no type")
    if found.num_bytes is None or found.num_rows is None:
        raise UnavailableError(table, "BigQuery does not say how large it is")
    streaming = found.streaming_buffer
    return TableFacts(
        TABLE,
        found.num_bytes + ((streaming and streaming.estimated_bytes) or 0),
        found.num_rows + ((streaming and streaming.estimated_rows) or 0),
    )


_NO_ANSWER: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What Google's client raises where an answer is JSON and nothing that BigQuery would say."""


def _build(options: LookupOptions) -> Any:
    from google.cloud.bigquery import Client

    return build_client(Client, options.endpoint, options.project)


def _retry() -> Any:
    from google.cloud.bigquery import DEFAULT_RETRY

    return DEFAULT_RETRY
