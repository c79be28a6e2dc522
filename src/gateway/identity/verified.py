"""Tokens that were verified: a caller sends the same one for minutes, and its signature is checked once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.identity.principal import Principal

MAX_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Verified:
    """A token's principal, when the token expires as a Unix time, and whether its key is still the issuer's."""

    principal: Principal
    expires: float
    still_trusted: Callable[[], bool] = lambda: True


class VerifiedTokens:
    """Keeps what was found, by a digest of the token, no longer than the token lives and its issuer keeps its key.

    Bounded: the one that was not used for longest goes first.
    """

    def __init__(self, clock: Clock, most: int = MAX_KEPT) -> None:
        self._clock, self._most = clock, most
        self._kept: dict[bytes, Verified] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def principal_of(self, token: str) -> Principal | None:
        """Whose token it is, where that is known and still holds."""
        digest = _digest(token)
        found = self._kept.pop(digest, None)
        if found is None or found.expires <= self._clock.now().timestamp() or not found.still_trusted():
            return None
        self._kept[digest] = found
        return found.principal

    def keep(self, token: str, verified: Verified) -> None:
        """Remember what was found."""
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[_digest(token)] = verified


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
