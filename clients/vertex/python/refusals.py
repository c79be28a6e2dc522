"""What a refusal shows in the errors of `google.api_core`: messages over gRPC, over REST what the JSON has."""

from collections.abc import Iterator
from typing import Any

from google.api_core.exceptions import GoogleAPICallError


def tell_refusal(error: GoogleAPICallError) -> None:
    """Say what the gateway refuses, and why."""
    code = error.grpc_status_code
    print(f"refused {error.code if code is None else code.name}: {error.message}")
    print("reason:", error.reason)
    for detail in error.details:
        for line in lines_of(detail) if isinstance(detail, dict) else lines_of_message(detail):
            print(line)


def lines_of_message(detail: Any) -> Iterator[str]:
    """What stands in a message of `google.rpc`."""
    for violation in getattr(detail, "field_violations", ()):
        yield f"violation: {violation.field} {violation.description}"
    for violation in getattr(detail, "violations", ()):
        yield f"violation: {violation.subject} {violation.description}"
    if hasattr(detail, "retry_delay"):
        yield f"retry in: {detail.retry_delay.seconds} s"


def lines_of(detail: dict[str, Any]) -> Iterator[str]:
    """The same of a detail as JSON has it."""
    for violation in (*detail.get("fieldViolations", ()), *detail.get("violations", ())):
        yield f"violation: {violation.get('field') or violation['subject']} {violation['description']}"
    if "retryDelay" in detail:
        yield f"retry in: {detail['retryDelay'].removesuffix('s')} s"
