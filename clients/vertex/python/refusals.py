"""What a refusal shows in the errors of `google.api_core`, over gRPC and over REST alike."""

from google.api_core.exceptions import GoogleAPICallError


def tell_refusal(error: GoogleAPICallError) -> None:
    """Say what the gateway refuses, and why."""
    code = error.grpc_status_code
    print(f"refused {error.code if code is None else code.name}: {error.message}")
    print("reason:", error.reason)
    for detail in error.details:
        for violation in getattr(detail, "field_violations", ()):
            print("violation:", violation.field, violation.description)
        for violation in getattr(detail, "violations", ()):
            print("violation:", violation.subject, violation.description)
        if hasattr(detail, "retry_delay"):
            print("retry in:", detail.retry_delay.seconds, "s")
