"""What each client of Vertex AI is put through, and what its program must print."""

from dataclasses import dataclass, replace
from typing import Final

from clients.programs import REFUSED, SUCCEEDED, Ending
from clients.samples import BIGQUERY_SAMPLE, GCS_SAMPLES, LONG

TICKETS: Final = "gs://ranking-in/tickets.jsonl"
BUCKET, DATASET = "gs://ranking-out/{}", "bq://corp-ml.ranking_out.{}"

_JOB: Final = r"projects/(corp-ml|\d+)/locations/{}/batchPredictionJobs/\d+"
_HERE, _GLOBAL = _JOB.format("us-central1"), _JOB.format("global")
_SUCCEEDED: Final = (f"created {_HERE}", "ended JOB_STATE_SUCCEEDED")
_IN_BUCKET: Final = "output gs://ranking-out/.*/prediction-model-"
_IN_TABLE: Final = r"output .*{}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run of a program. In `destination` and in what it prints, `{}` stands for a name that no other run has."""

    feature: str
    action: str
    source: str
    destination: str
    wanted: Ending
    bearer: str = "ranking"
    location: str = "us-central1"

    def ending(self, name: str) -> Ending:
        """What is wanted of the run with this name."""
        return replace(self.wanted, shows=tuple(each.replace("{}", name) for each in self.wanted.shows))


def known_as(code: str, http: int, grpc: int) -> str:
    """A code as clients show it: by its name, which Go writes `NotFound`, or by its number."""
    return rf"({code}|{code.title().replace('_', '')}|{http}|{grpc})\b"


def refused(code: str, http: int, grpc: int, *shows: str) -> Ending:
    """A refusal with this code."""
    return Ending(REFUSED, (f"refused {known_as(code, http, grpc)}", *shows))


def reason(name: str) -> str:
    """The reason of a refusal: as a program reads it from the error, or in the JSON that is all the client shows."""
    return rf"reason: {name}|\"reason\":\"{name}\""


def violation(key: str, subject: str) -> str:
    """A violation in the same two ways."""
    return rf"violation: {subject} |\"{key}\":\"{subject}\""


LISTING: Final = "list, filter, page"
"""Here others stand beside the program's own batch job: `clients.vertex.listing`."""

_WAIT: Final = r"retry in: \d|\"retryDelay\":\"\d"
_GONE: Final = f"gone {known_as('NOT_FOUND', 404, 5)}"

SCENARIOS: Final = (
    Scenario("Cloud Storage", "run", GCS_SAMPLES[0], BUCKET, Ending(SUCCEEDED, (*_SUCCEEDED, _IN_BUCKET))),
    Scenario("BigQuery", "run", BIGQUERY_SAMPLE, DATASET, Ending(SUCCEEDED, (*_SUCCEEDED, _IN_TABLE))),
    Scenario(
        "location `global`", "run", BIGQUERY_SAMPLE, DATASET,
        Ending(SUCCEEDED, (f"created {_GLOBAL}", "ended JOB_STATE_SUCCEEDED", _IN_TABLE)), location="global",
    ),
    Scenario("cancel", "cancel", LONG, BUCKET, Ending(SUCCEEDED, (f"created {_HERE}", "ended JOB_STATE_CANCELLED"))),
    Scenario(LISTING, "list", LONG, BUCKET, Ending(SUCCEEDED, (f"found {_HERE}",))),
    Scenario("repeated create", "repeat", TICKETS, BUCKET, Ending(SUCCEEDED, (rf"created ({_HERE})\ncreated \1\n",))),
    Scenario("delete", "delete", TICKETS, BUCKET, Ending(SUCCEEDED, (f"deleted {_HERE}", _GONE))),
    Scenario(
        "refusal: source elsewhere", "run", "bq://corp-ml.ranking_europe.tickets", DATASET,
        refused(
            "FAILED_PRECONDITION", 400, 9, "europe-west4.*us-central1", reason("REGION_MISMATCH"),
            violation("subject", "bq://corp-ml.ranking_europe.tickets"),
        ),
    ),
    Scenario(
        "refusal: not the team's bucket", "run", "gs://search-in/queries.jsonl", BUCKET,
        refused(
            "PERMISSION_DENIED", 403, 7, "gs://search-in/queries.jsonl", reason("POLICY_VIOLATION"),
            violation("field", "batch_prediction_job.input_config.gcs_source.uris"),
        ),
    ),
    Scenario(
        "refusal: quota, when to retry", "run", TICKETS, BUCKET,
        refused(
            "RESOURCE_EXHAUSTED", 429, 8, reason("QUOTA_EXCEEDED"), violation("subject", "teams/limited"), _WAIT,
        ),
        bearer="limited",
    ),
)  # fmt: skip
FEATURES: Final = tuple(each.feature for each in SCENARIOS)
