"""Where a BigQuery dataset lies, which of Vertex AI's regions it fits, and what is known of a table.

BigQuery writes regions in lower case and multi-regions in upper case. Here they are lower case.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from gateway.domain.places import GLOBAL

MULTI_REGIONS: Final = frozenset({"us", "eu"})
"""BigQuery's multi-regions. Vertex AI reads and writes datasets of a single region only."""

NO_MULTI_REGION: Final = "Vertex AI batch prediction does not take BigQuery datasets in a multi-region. "

TABLE: Final = "TABLE"
"""The `type` of a table that holds its own rows. Views and external tables answer with other people's."""


@dataclass(frozen=True, slots=True)
class DatasetPlace:
    """Where a dataset lies."""

    location: str

    @classmethod
    def of(cls, location: str) -> Self:
        """The place from what BigQuery says, in whatever case."""
        return cls(location.lower())

    @property
    def multi_region(self) -> bool:
        return self.location in MULTI_REGIONS

    def __str__(self) -> str:
        """As a person reads it: `us-central1`, `the multi-region EU`."""
        return f"the multi-region {self.location.upper()}" if self.multi_region else self.location


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What BigQuery says of a table: its `type` as the API names it, its bytes and its rows.

    Both counts are what is stored and what still streams in, the latter as BigQuery estimates it; zero for a view.
    """

    kind: str
    size: int = 0
    rows: int = 0


def dataset_fits(region: str, place: DatasetPlace, *, global_allowed: bool) -> bool:
    """Whether a job in `region` may use a dataset that lies in `place`: in exactly that region, a multi-region never.

    `global` is no region: there a dataset may lie anywhere if the team's policy allows BigQuery at all.
    """
    if region == GLOBAL:
        return global_allowed
    return region == place.location and not place.multi_region


def dataset_mismatch(
    uri: str, region: str, place: DatasetPlace, *, global_allowed: bool, choices: Iterable[str] = ()
) -> str:
    """The sentences for a dataset that does not fit: both places, and the way out.

    Args:
        uri: the source or destination table.
        region: where the job would run.
        place: where the dataset lies.
        global_allowed: the team's rule for `global`.
        choices: the regions that the team may use.

    """
    fitting = [choice for choice in choices if dataset_fits(choice, place, global_allowed=global_allowed)]
    head = f"{uri} is in {place}, but the batch job would run in {region}"
    region_out = f"Set region to {' or '.join(fitting)}" if fitting else ""
    if region == GLOBAL:
        way_out = region_out or "Name a region whose datasets you use"
        return f"{head}, where this team's policy refuses BigQuery (global_bigquery). {way_out}, or use Cloud Storage."
    move = f"use a dataset in {region}"
    way_out = f"{region_out}, or {move}" if region_out else f"{move[0].upper()}{move[1:]}"
    why = NO_MULTI_REGION if place.multi_region else ""
    return f"{head}. {why}{way_out}."
