"""An issuer's public keys, out of the JWKS that it publishes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from gateway.identity.issuers import Algorithm
from gateway.identity.refusal import shown

LEAST_RSA_BITS: Final = 2048
MOST_EXPLAINED: Final = 5
_RSA: Final = frozenset(each for each in Algorithm if each.startswith(("RS", "PS")))
_CURVES: Final = {
    "P-256": Algorithm.ES256,
    "P-384": Algorithm.ES384,
    "P-521": Algorithm.ES512,
    "Ed25519": Algorithm.EDDSA,
    "Ed448": Algorithm.EDDSA,
}


class KeySetError(Exception):
    """What was read is no JWKS, or has no key that could verify anything."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by their id and by the algorithm that each may verify. `content` is what they were read from; `left_out`
    says why each of the others counts for nothing.
    """

    content: bytes | None = None
    keys: Mapping[tuple[str, str], PyJWK] = field(default_factory=lambda: MappingProxyType({}))
    left_out: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """The key; of a token that names none, the only one there is for its algorithm."""
        if kid is not None:
            return self.keys.get((kid, algorithm))
        fitting = [key for (_, each), key in self.keys.items() if each == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def knows(self, kid: str | None) -> bool:
        """Whether the key is there, whatever it may verify."""
        return kid is None or any(each == kid for each, _ in self.keys)


def parse_key_set(content: bytes, algorithms: Iterable[Algorithm]) -> KeySet:
    """The keys that verify one of these algorithms. Others, and those that are not in order, are left out.

    Raises:
        KeySetError: there is none.

    """
    try:
        listed = json.loads(content)["keys"]
        rows = [row for row in listed if isinstance(row, dict)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise KeySetError('is not a JWKS, {"keys": […]}') from error
    wanted = frozenset(algorithms)
    keys: dict[tuple[str, str], PyJWK] = {}
    left_out: dict[str, str] = {}
    for row in rows:
        kid = str(row.get("kid", ""))
        usable = {each: key for each in _fitting(row) & wanted if (key := _key(row, each)) is not None}
        for algorithm, key in usable.items():
            keys.setdefault((kid, algorithm.value), key)
        if not usable:
            left_out.setdefault(kid, _why_not(row, wanted))
    if not keys:
        raise KeySetError(_none_of(len(rows), algorithms, left_out))
    return KeySet(content, MappingProxyType(keys), MappingProxyType(left_out))


def _none_of(count: int, algorithms: Iterable[Algorithm], left_out: Mapping[str, str]) -> str:
    why = "".join(f"; {shown(kid)} {reason}" for kid, reason in list(left_out.items())[:MOST_EXPLAINED])
    return f"is a JWKS of {count} keys, none of which can verify {', '.join(algorithms)}{why}"


def _why_not(row: Mapping[str, Any], wanted: frozenset[Algorithm]) -> str:
    if "d" in row:
        return "is a private key, which nobody may publish"
    if row.get("use", "sig") != "sig":
        return "is not for signatures, by its `use`"
    if not _fitting(row) & wanted:
        return "is for no algorithm that the issuer's entry lists"
    return f"is not in order, or RSA below {LEAST_RSA_BITS} bits"


def _fitting(row: Mapping[str, Any]) -> frozenset[Algorithm]:
    """What a key may verify, by its type, and by what it says itself. A private key is nobody's to publish."""
    kind, curve = row.get("kty"), row.get("crv")
    by_type: frozenset[Algorithm] = frozenset()
    if kind == "RSA":
        by_type = _RSA
    elif kind in ("EC", "OKP") and isinstance(curve, str) and curve in _CURVES:
        by_type = frozenset({_CURVES[curve]})
    if row.get("use", "sig") != "sig" or "d" in row:
        return frozenset()
    return frozenset(each for each in by_type if row.get("alg", each.value) == each.value)


def _key(row: dict[str, Any], algorithm: Algorithm) -> PyJWK | None:
    try:
        key = PyJWK(row, algorithm.value)
    except PyJWTError:
        return None
    return None if algorithm in _RSA and key.key.key_size < LEAST_RSA_BITS else key
