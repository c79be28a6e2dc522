"""A Vertex job as the gateway sees it: the answer of Vertex's JobService, freed of its wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.domain.states import State

LABEL_GATEWAY: Final = "batchjobs_gateway"
LABEL_ID: Final = "batchjobs_id"
LABEL_ATTEMPT: Final = "batchjobs_attempt"
LABEL_TEAM: Final = "batchjobs_team"
RESERVED_LABEL_PREFIX: Final = "batchjobs_"


@dataclass(frozen=True, slots=True)
class Status:
    """A `google.rpc.Status` without its details: a canonical code number and a sentence."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows of the input ended in which way; None where Vertex does not know (it says -1)."""

    succeeded: int | None
    failed: int | None
    incomplete: int | None


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results are: exactly one of the two is set."""

    gcs_directory: str | None = None
    bigquery_table: str | None = None


@dataclass(frozen=True, slots=True)
class VertexJob:
    """One BatchPredictionJob.

    `state` is already translated: QUEUED is PENDING, UPDATING is RUNNING, CANCELLING is CANCELLING, and a state that
    this version does not know is RUNNING. All times are Vertex's own, aware, in UTC.
    """

    name: str
    state: State
    model: str
    source_uri: str
    destination_uri: str
    labels: Mapping[str, str]
    create_time: datetime
    update_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    error: Status | None = None
    partial_failures: tuple[Status, ...] = ()
    rows: Rows | None = None
    output: Output | None = None
    display_name: str = field(default="")

    @property
    def id(self) -> str:
        """The last segment of the name, the one part that Vertex never rewrites."""
        return self.name.rsplit("/", 1)[-1]
