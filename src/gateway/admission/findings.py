"""What the place check answers when something is wrong: both places by name, and the way out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.admission.fields import REGION, refuse
from gateway.admission.fit import KnownPlaces, fits, mismatch, never
from gateway.cloud.lookups import ForbiddenError, LocationError, MissingError, UnavailableError
from gateway.domain.uris import BIGQUERY
from gateway.errors import FieldViolation, GatewayError, PreconditionViolation, Reason
from gateway.policy.model import TeamPolicy


@dataclass(frozen=True, slots=True)
class _Words:
    """How sentences speak of one kind of source and destination."""

    make_source: str
    make_destination: str
    owner: str
    read_rights: str
    see_rights: str


_CLOUD_STORAGE: Final = _Words(
    "Upload it first",
    "Create the bucket first",
    "the bucket's owner",
    "storage.buckets.get and storage.objects.get",
    "storage.buckets.get",
)
_BIGQUERY: Final = _Words(
    "Create it and fill it first",
    "Create the dataset first",
    "the dataset's owner",
    "bigquery.datasets.get and bigquery.tables.get",
    "bigquery.datasets.get",
)

_KINDS: Final[Mapping[str, str]] = {
    "VIEW": "a view",
    "MATERIALIZED_VIEW": "a materialized view",
    "EXTERNAL": "an external table",
    "SNAPSHOT": "a table snapshot",
}


def _words(uri: str) -> _Words:
    return _BIGQUERY if uri.startswith(BIGQUERY) else _CLOUD_STORAGE


def source_failure(failure: LocationError) -> Iterator[PreconditionViolation]:
    """The violation of a source that is not there or may not be read; none where that is not known now."""
    words = _words(failure.subject)
    match failure:
        case MissingError():
            sentence = f"{failure.subject} does not exist. {words.make_source}, or correct the URI."
            yield PreconditionViolation(Reason.SOURCE_NOT_FOUND, failure.subject, sentence)
        case ForbiddenError():
            sentence = (
                f"{failure.subject} does not exist, or the gateway may not look at it ({failure}). Correct the URI, or "
                f"ask {words.owner} to grant the gateway's service account {words.read_rights} on it."
            )
            yield PreconditionViolation(Reason.SOURCE_NOT_READABLE, failure.subject, sentence)


def destination_failure(failure: LocationError) -> Iterator[PreconditionViolation]:
    """The violation of a destination that is not there or may not be seen; none where that is not known now."""
    words = _words(failure.subject)
    match failure:
        case MissingError():
            sentence = f"{failure.subject} does not exist. {words.make_destination}, or correct the URI."
            yield PreconditionViolation(Reason.DESTINATION_NOT_FOUND, failure.subject, sentence)
        case ForbiddenError():
            sentence = (
                f"{failure.subject} does not exist, or the gateway may not look at it ({failure}). Ask {words.owner} "
                f"to grant the gateway's service account {words.see_rights} on it."
            )
            yield PreconditionViolation(Reason.DESTINATION_NOT_FOUND, failure.subject, sentence)


def too_large(uri: str, size: int, limit: int, unit: str) -> PreconditionViolation:
    sentence = f"{uri} has {size} {unit}; Vertex AI takes at most {limit}. Split it into several batch jobs."
    return PreconditionViolation(Reason.SOURCE_TOO_LARGE, uri, sentence)


def not_a_table(uri: str, kind: str) -> PreconditionViolation:
    """`kind` is BigQuery's `type`."""
    sentence = (
        f"{uri} is {_KINDS.get(kind, kind)}, not a table. Only a table with rows of its own is read, as anything else "
        "may answer with rows that this team has no right to: copy the rows into a table and name that one."
    )
    return PreconditionViolation(Reason.SOURCE_NOT_A_TABLE, uri, sentence)


def mismatches(
    known: KnownPlaces, regions: Sequence[str], team: TeamPolicy, choices: Sequence[str]
) -> Iterator[PreconditionViolation]:
    """Each place that keeps every region from fitting.

    Args:
        known: the known places with their URIs.
        regions: where the batch job could run by its request; one if it named a region.
        team: whose rules hold.
        choices: the team's regions that would fit all the places.

    """
    for uri, place in known:
        fitting = [region for region in regions if fits(region, place, team)]
        if len(regions) == 1 and not fitting:
            sentence = mismatch(uri, regions[0], place, team, choices)
            yield PreconditionViolation(Reason.REGION_MISMATCH, uri, sentence)
        elif len(regions) > 1:
            sentence = (
                f"{uri} is in {place}, which fits {' and '.join(fitting) or 'none'} of the team's regions "
                f"{', '.join(regions)}. {never(place)}Source and destination must both fit one of them: move one of "
                "the two."
            )
            yield PreconditionViolation(Reason.REGION_MISMATCH, uri, sentence)


def ambiguous(fitting: Sequence[str]) -> GatewayError:
    sentence = f"Source and destination fit several of the team's regions: set region to {' or '.join(fitting)}."
    return refuse(Reason.INVALID_SPEC, [FieldViolation(REGION, "REGION_AMBIGUOUS", sentence)])


def refused(violations: Sequence[PreconditionViolation]) -> GatewayError:
    """One refusal for all violations; its reason and message are the first's."""
    first, more = violations[0], len(violations) - 1
    rest = f" And {more} more: see the details." if more else ""
    return GatewayError(Reason(first.type), f"{first.description}{rest}", details=tuple(violations))


def unavailable(failure: UnavailableError) -> GatewayError:
    seconds = failure.retry_after.total_seconds()
    return GatewayError(
        Reason.LOCATION_UNAVAILABLE,
        f"The place of {failure.subject} cannot be looked up now: {failure}. Try again in {seconds:g} s.",
        retry_after=failure.retry_after,
    )
