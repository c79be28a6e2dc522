"""The example programs in `examples/`, each put through everything that a caller meets."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clients.prepare import NOBODY
from clients.programs import REFUSED, SUCCEEDED, Ending, put_through
from clients.results import Result
from clients.standing import Standing

TICKETS, TABLE = "gs://ranking-in/tickets.jsonl", "bq://corp-ml.ranking_in.tickets"


@dataclass(frozen=True, slots=True)
class Example:
    """One program. All of them take REQUEST_ID SOURCE DESTINATION, and the same environment."""

    language: str
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        return f"examples, {self.language}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run of a program: its arguments, and what it must print and end with.

    Scenarios with one `request_id` are one batch job. In places, `{}` stands for the language.
    """

    feature: str
    request_id: str
    source: str
    destination: str
    status: int
    shows: tuple[str, ...]
    team: str = "ranking"
    bearer: str = "ranking"


REOPENED = "cut off.*opening it again"
SCENARIOS: Final = (
    Scenario(
        "Cloud Storage, watch resumed", "gcs", TICKETS, "gs://ranking-out/{}", SUCCEEDED,
        ("created teams/ranking/batchJobs/", REOPENED, r"\d+ rows in gs://ranking-out/.*/prediction-model-"),
    ),
    Scenario(
        "BigQuery", "bq", TABLE, "bq://corp-ml.ranking_out.{}", SUCCEEDED,
        (r"\d+ rows in bq://corp-ml.ranking_out\.",),
    ),
    Scenario("repeated create", "bq", TABLE, "bq://corp-ml.ranking_out.{}", SUCCEEDED, (r"\d+ rows in bq://",)),
    Scenario(
        "ResourceInfo", "bq", TABLE, "bq://corp-ml.ranking_out.{}_other", REFUSED,
        ("reason: REQUEST_ID_REUSED", "resource: teams/ranking/batchJobs/"),
    ),
    Scenario(
        "BadRequest", "bad", "gs:/tickets.jsonl", "gs:/out", REFUSED,
        ("reason: INVALID_SPEC", "field batch_job.gcs_source.uri", "field batch_job.gcs_destination"),
    ),
    Scenario(
        "PreconditionFailure", "region", "bq://corp-ml.ranking_europe.tickets", "bq://corp-ml.ranking_out.{}", REFUSED,
        ("precondition REGION_MISMATCH on bq://corp-ml.ranking_europe.tickets", "europe-west4"),
    ),
    Scenario(
        "QuotaFailure, RetryInfo", "quota", TICKETS, "gs://ranking-out/{}", REFUSED,
        ("reason: QUOTA_EXCEEDED", "quota queued_jobs: 1 of 1", "try again in "), team="limited", bearer="limited",
    ),
    Scenario(
        "ErrorInfo", "token", TICKETS, "gs://ranking-out/{}", REFUSED,
        ("reason: NOT_AUTHENTICATED",), bearer=NOBODY,
    ),
)  # fmt: skip
FEATURES: Final = tuple(each.feature for each in SCENARIOS)

EXAMPLES: Final = (
    Example("Python", (sys.executable, "examples/python/nightly.py")),
    Example("Go", ("build/nightly",)),
    Example("TypeScript", ("node", "examples/typescript/dist/nightly.js")),
    Example("Java", ("java", "-XX:TieredStopAtLevel=1", "-jar", "examples/java/target/nightly.jar")),
)


def run_example(example: Example, standing: Standing) -> Iterator[Result]:
    """Put one program through every scenario."""
    language = example.language.lower()
    for scenario in SCENARIOS:
        arguments = (f"{language}-{scenario.request_id}", scenario.source, scenario.destination.format(language))
        wanted = Ending(scenario.status, scenario.shows)
        outcome, saw = put_through((*example.command, *arguments), caller(scenario, standing), wanted)
        yield Result(example.program, scenario.feature, outcome, saw)


def caller(scenario: Scenario, standing: Standing) -> dict[str, str]:
    """The environment that says where the gateway is and who calls."""
    return {
        "BATCHJOBS_ENDPOINT": standing.endpoint,
        "BATCHJOBS_TEAM": scenario.team,
        "BATCHJOBS_CA_FILE": str(standing.ca),
        "BATCHJOBS_TOKEN_FILE": str(standing.token(scenario.bearer)),
    }
