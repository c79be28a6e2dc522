"""Who calls: a name that the policy maps to teams and roles, and what a call brings along to prove it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Metadata = Sequence[tuple[str, str | bytes]]
Transport = Mapping[str, Iterable[bytes]]
"""What the TLS layer itself reports of the peer, by gRPC's names: `peer_spiffe_id`, `peer_uri`, `peer_dns`, …"""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. The name begins with how it was authenticated: `dev:ranking`, `jwt:corp:…`, `mtls:…`."""

    name: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came with a call. `peer` and `transport` are asked only where they are needed: gRPC makes them anew."""

    metadata: Metadata
    peer: Callable[[], str | None] = lambda: None
    """The other end's address as gRPC writes it, `ipv4:10.0.0.7:51234`; None where it stands for many callers."""
    transport: Callable[[], Transport] = dict
    forwarded: bool = False
    """Whether a proxy made the call for somebody else: then the connection's own certificate says nothing about who."""


class Authenticator(Protocol):
    """Turns what came with a call into a principal."""

    async def authenticate(self, evidence: Evidence) -> Principal:
        """The caller.

        Raises:
            GatewayError: NOT_AUTHENTICATED, with a message that says what to send; IDENTITY_UNAVAILABLE where that
                cannot be judged now; OVERLOADED where the peer was refused too often.

        """
        ...
