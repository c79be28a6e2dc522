"""What the place check answers when something is wrong: both places by name, and the way out."""

from collections.abc import Iterator, Sequence

from gateway.admission.fields import REGION, destination_field, refuse, source_field
from gateway.cloud.lookups import ForbiddenError, LocationError, MissingError, UnavailableError
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, Spec
from gateway.domain.places import BucketPlace, RegionMatch, fits, mismatch
from gateway.errors import FieldViolation, GatewayError, PreconditionViolation, Reason

Places = Sequence[tuple[str, BucketPlace]]


def refuse_bigquery(spec: Spec) -> None:
    """Raises NOT_SERVED for a source or destination in BigQuery, naming each field."""
    violations: list[FieldViolation] = []
    sentence = "This version serves Cloud Storage only: use {}."
    if isinstance(spec.source, BigQuerySource):
        field = source_field(spec.source)
        violations.append(FieldViolation(field, "BIGQUERY_NOT_SERVED", sentence.format("gcs_source")))
    if isinstance(spec.destination, BigQueryDestination):
        field = destination_field(spec.destination)
        violations.append(FieldViolation(field, "BIGQUERY_NOT_SERVED", sentence.format("gcs_destination")))
    if violations:
        raise refuse(Reason.NOT_SERVED, violations)


def source_failure(failure: LocationError) -> Iterator[PreconditionViolation]:
    """The violation of a source that is not there or may not be read; none where that is not known now."""
    match failure:
        case MissingError():
            sentence = f"{failure.subject} does not exist. Upload it first, or correct the URI."
            yield PreconditionViolation(Reason.SOURCE_NOT_FOUND, failure.subject, sentence)
        case ForbiddenError():
            sentence = (
                f"The gateway may not look at {failure.subject} ({failure}). Ask the bucket's owner to grant the "
                "gateway's service account storage.buckets.get and storage.objects.get on it."
            )
            yield PreconditionViolation(Reason.SOURCE_NOT_READABLE, failure.subject, sentence)


def destination_failure(failure: LocationError) -> Iterator[PreconditionViolation]:
    """The violation of a destination bucket that is not there or may not be seen; none where that is not known now."""
    match failure:
        case MissingError():
            sentence = f"{failure.subject} does not exist. Create the bucket first, or correct the URI."
            yield PreconditionViolation(Reason.DESTINATION_NOT_FOUND, failure.subject, sentence)
        case ForbiddenError():
            sentence = (
                f"{failure.subject} does not exist, or the gateway may not look at it ({failure}). Ask the bucket's "
                "owner to grant the gateway's service account storage.buckets.get on it."
            )
            yield PreconditionViolation(Reason.DESTINATION_NOT_FOUND, failure.subject, sentence)


def too_large(uri: str, size: int, limit: int) -> PreconditionViolation:
    sentence = f"{uri} has {size} bytes; Vertex AI takes at most {limit}. Split it into several batch jobs."
    return PreconditionViolation(Reason.SOURCE_TOO_LARGE, uri, sentence)


def mismatches(
    places: Places, regions: Sequence[str], match: RegionMatch, choices: Sequence[str]
) -> Iterator[PreconditionViolation]:
    """Each place that keeps every region from fitting.

    Args:
        places: the known places with their URIs.
        regions: where the batch job could run by its request; one if it named a region.
        match: the team's rule.
        choices: the team's regions that would fit all the places.

    """
    for uri, place in places:
        fitting = [region for region in regions if fits(region, place, match)]
        if len(regions) == 1 and not fitting:
            sentence = mismatch(uri, regions[0], place, match, choices)
            yield PreconditionViolation(Reason.REGION_MISMATCH, uri, sentence)
        elif len(regions) > 1:
            sentence = (
                f"{uri} is in {place}, which fits {' and '.join(fitting) or 'none'} of the team's regions "
                f"{', '.join(regions)}. Source and destination must both fit one of them: move one of the two."
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
