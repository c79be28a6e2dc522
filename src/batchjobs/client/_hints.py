"""What gRPC says of a connection that TLS did not make, and what to do about it: its own words help nobody."""

from typing import Final

PERMANENT: Final = {
    "WRONG_VERSION_NUMBER": (
        "What answers there speaks plaintext, and TLS was asked for: is the address that of a secured listener? For a "
        "gateway in development ask for plaintext (insecure)."
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "Whom you trust does not vouch for the gateway's certificate: give its CA (ca_file), and look whether the "
        "certificate has expired."
    ),
    "certificate signature failure": (
        "The CA that you trust did not sign the gateway's certificate, though it has the same name: give the right one "
        "(ca_file)."
    ),
    "Hostname Verification Check failed": (
        "The gateway's certificate is for another name than the one that you call: use a name that stands in it."
    ),
}
"""By what stands in gRPC's message. The same will be said however often it is tried."""

PASSING: Final = {
    "Failed to create security handshaker": (
        "The certificate, key or CA cannot be used: is it PEM, and is the key that of the certificate?"
    ),
    "Socket closed": (
        "The connection was closed at once: the listener may speak TLS where plaintext was asked for, or demand a "
        "client certificate (certificate_file, key_file) of its CA that has not expired and is for client "
        "authentication (extendedKeyUsage)."
    ),
    "Connection refused": (
        "Nobody listens at the address in this message. A name may have several, as `localhost` has, and gRPC tells of "
        "the last alone: call the other one by its number, such as 127.0.0.1, to see why it was no better."
    ),
}
"""The same of what may pass: files that are being replaced, a gateway that is being restarted."""

CERTIFICATE_UNREAD: Final = (
    "You have given a certificate (certificate_file), and what answers at this address asks for none: call the address "
    "of the listener for certificates (mtls_listen), or give a token (token_file or token_command)."
)
"""Of a refusal for want of proof, where there is a certificate."""


def hint(message: str) -> str:
    """A sentence about what to do; "" where nothing is known."""
    return next((text for said, text in {**PERMANENT, **PASSING}.items() if said in message), "")


def is_permanent(message: str) -> bool:
    """Whether a connection fails in a way that does not pass."""
    return any(said in message for said in PERMANENT)
