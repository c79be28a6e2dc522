"""Whom a trusted proxy forwards: the header `x-forwarded-client-cert`, in the form in which Envoy writes it.

It is read from peers that the setting `trusted_proxies` names, and from nobody else. The proxy must set it afresh
(Envoy: `SANITIZE_SET`, with `uri: true`), so that it holds one element about one caller. A header with several elements
has gone through other hands, and a caller may have written one of them: it is refused.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.identity.names import MTLS, is_spiffe_id
from gateway.identity.principal import Principal
from gateway.identity.refusal import Cause, refused

FORWARDED_HEADER: Final = "x-forwarded-client-cert"
_PAIR: Final = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)')
_WHAT_TO_SEND: Final = (
    f"The proxy in front of this gateway must send `{FORWARDED_HEADER}` once, with one element and in it one `URI=`, "
    "the caller's SPIFFE id (Envoy: forward_client_cert_details SANITIZE_SET with set_current_client_cert_details uri)."
)


def forwarded_principal(values: Sequence[str | bytes]) -> Principal:
    """`mtls:` and the forwarded SPIFFE id, of the header's values; refuses where there is not exactly one."""
    uris = _uris(values[0]) if len(values) == 1 and isinstance(values[0], str) else []
    if len(uris) != 1 or not is_spiffe_id(uris[0]):
        raise refused(Cause.FORWARDED_NOT_USABLE, _WHAT_TO_SEND)
    return Principal(MTLS + uris[0])


def _uris(element: str) -> list[str]:
    """The URIs of a header that is one well-formed element; none of any other."""
    found: list[str] = []
    at = 0
    while pair := _PAIR.match(element, at):
        if pair[1].lower() == "uri":
            found.append(pair[2].strip('"'))
        at = pair.end()
        if at == len(element):
            return found
        if element[at] != ";":
            return []
        at += 1
    return []
