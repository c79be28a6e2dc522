"""The gateway's own metadata: which keys there are, and the refusal of one that there is not."""

from typing import Final

from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.identity.development import TEAM_HEADER
from gateway.identity.principal import Metadata

REQUEST_ID_HEADER: Final = "x-batchjobs-request-id"
OURS: Final = "x-batchjobs-"
KNOWN: Final = (REQUEST_ID_HEADER, TEAM_HEADER)

_MAX_SHOWN: Final = 80


def refuse_unknown_keys(metadata: Metadata) -> None:
    """Let pass what is not ours. Of ours, a misspelt request id would make a second batch job, and nobody would know.

    Raises:
        GatewayError: INVALID_SPEC, naming each unknown key.

    """
    unknown = sorted({key for key, _ in metadata if key.startswith(OURS) and key not in KNOWN})
    if unknown:
        sentence = f"There is no such metadata. What begins with {OURS} is {' or '.join(KNOWN)}."
        shown = [key[:_MAX_SHOWN] for key in unknown]
        details = tuple(FieldViolation(key, "METADATA", sentence) for key in shown)
        raise GatewayError(Reason.INVALID_SPEC, f"{', '.join(shown[:3])}: {sentence}", details=details)


def refuse_another_request_id(metadata: Metadata, request_id: str) -> None:
    """For a method whose request has a `request_id` of its own, which alone counts. A caller that sends one as metadata
    only, as Vertex's clients do, would take its create for repeatable, and it would not be.

    Raises:
        GatewayError: INVALID_SPEC: the metadata says another one than the request.

    """
    if any(key == REQUEST_ID_HEADER and value != request_id for key, value in metadata):
        sentence = f"Here the request's own field counts, and {REQUEST_ID_HEADER} says otherwise: set request_id alone."
        raise GatewayError(Reason.INVALID_SPEC, sentence, details=(FieldViolation("request_id", "METADATA", sentence),))
