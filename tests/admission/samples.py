"""A policy, specs and buckets for the tests of the checks at create."""

from dataclasses import replace

from gateway.domain.batch_job import (
    BigQueryDestination,
    BigQuerySource,
    GcsDestination,
    GcsSource,
    PoolId,
    Spec,
)
from gateway.policy.model import Policy, Pool, TeamPolicy

US = PoolId("corp-ml", "us-central1")
US_B = PoolId("corp-ml-b", "us-central1")
NL = PoolId("corp-ml", "europe-west4")
UK = PoolId("corp-ml", "europe-west2")
GLOBAL = PoolId("corp-ml", "global")

TEAM = TeamPolicy(
    name="ranking",
    pools=(US, NL),
    models=("gemini-2.5-*", "projects/corp-ml/locations/*/models/*"),
    sources=("gs://ranking-*/**", "bq://corp-ranking.*.*"),
    destinations=("gs://ranking-out/**", "bq://corp-ranking.predictions.*"),
)
POLICY = Policy(
    hash="0123456789abcdef",
    pools={pool: Pool(pool, project_number="123456789012") for pool in (US, US_B, NL, UK, GLOBAL)},
    aliases={"flash": "gemini-2.5-flash", "tuned": "projects/corp-ml/locations/europe-west4/models/77"},
)
SPEC = Spec("flash", GcsSource("gs://ranking-in/rows.jsonl"), GcsDestination("gs://ranking-out/run"))

# The name of each bucket says where it lies.
LOCATIONS = {
    "ranking-us-central1": "location: us-central1",
    "ranking-us-east1": "location: us-east1",
    "ranking-europe-west2": "location: europe-west2",
    "ranking-europe-west4": "location: europe-west4",
    "ranking-us": "location: us",
    "ranking-eu": "location: eu",
    "ranking-asia": "location: asia",
    "ranking-nam4": "location: nam4",
    "ranking-eur4": "location: eur4",
    "ranking-eur5": "location: eur5",
    "ranking-pair": "location: us, data_locations: [US-CENTRAL1, US-WEST1]",
    "ranking-closed": "forbidden: true",
}
SIZE = 11

# The name of each dataset says where it lies; each holds a table `rows`.
DATASETS = {
    "us_central1": "location: us-central1",
    "us_east1": "location: us-east1",
    "europe_west4": "location: europe-west4",
    "us": "location: US",
    "eu": "location: EU",
    "closed": "forbidden: true",
}
TYPES = {"view": "VIEW", "kept": "MATERIALIZED_VIEW", "sheet": "EXTERNAL", "frozen": "SNAPSHOT"}


class Unseen:
    def location_lookup(self, kind, result):
        """Counted elsewhere."""


def a_spec(source="", destination="", **changes):
    """The spec with other URIs and fields."""
    if source:
        changes["source"] = BigQuerySource(source) if source.startswith("bq://") else GcsSource(source)
    if destination:
        table = destination.startswith("bq://")
        changes["destination"] = BigQueryDestination(destination) if table else GcsDestination(destination)
    return replace(SPEC, **changes)
