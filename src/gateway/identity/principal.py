"""Who calls: a name that the policy maps to teams and roles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Metadata = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. The name begins with how it was authenticated: `dev:ranking`, `jwt:corp:…`, `mtls:…`."""

    name: str


class Authenticator(Protocol):
    """Turns what came with a call into a principal."""

    def authenticate(self, metadata: Metadata) -> Principal:
        """The caller.

        Raises:
            GatewayError: NOT_AUTHENTICATED, with a message that says what to send.

        """
        ...
