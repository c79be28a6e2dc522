"""Each key belongs to one issuer. Of two that share a claim `iss`, the key alone tells which one signed a token, so
where both hold the same key the second is never found.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.identity.issuers import IssuersError
from gateway.identity.key_set import KeySet
from gateway.identity.signers import TrustedIssuer

log = structlog.get_logger(__name__)

_WHY: Final = (
    "share the same `issuer` and hold the same key, so that tokens of the second are taken for tokens of the first"
)

Pair = tuple[str, str]
"""The aliases of two issuers that hold the same key."""


class OneHolder:
    """Looks after the issuers from `watch` on. It is told of new keys by `look`."""

    def __init__(self) -> None:
        self._issuers: tuple[TrustedIssuer, ...] = ()
        self._told: frozenset[Pair] = frozenset()

    def watch(self, issuers: Iterable[TrustedIssuer]) -> None:
        """Look after these; raises IssuersError where two of them hold the same key already."""
        self._issuers = tuple(issuers)
        if found := [f"issuers {one} and {two} {_WHY}" for one, two in self._pairs()]:
            raise IssuersError("\n".join(found))

    def look(self) -> None:
        """Log those that have come to hold the same key, each pair once."""
        found = frozenset(self._pairs())
        for pair in sorted(found - self._told):
            log.error("issuers hold the same key", issuers=list(pair), error=f"they {_WHY}")
        self._told = found

    def _pairs(self) -> Iterator[Pair]:
        for one, two in combinations(self._issuers, 2):
            same_name = one.rules.issuer == two.rules.issuer
            if same_name and _held(one.keys.current) & _held(two.keys.current):
                yield one.alias, two.alias


def _held(keys: KeySet) -> frozenset[tuple[str, bytes]]:
    """The keys as they are, each with an algorithm that it may verify, whatever they are called."""
    der = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return frozenset((algorithm, key.key.public_bytes(*der)) for (_, algorithm), key in keys.keys.items())
