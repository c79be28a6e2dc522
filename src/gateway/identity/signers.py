"""Who may have signed a token: the issuers that are trusted, and of each the key that the token's header names."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from jwt import PyJWK
from jwt.exceptions import InvalidSignatureError

from gateway.errors import GatewayError, Reason
from gateway.identity.issuers import Issuer
from gateway.identity.key_set import KeySet
from gateway.identity.key_source import KeySource
from gateway.identity.refusal import Cause, refused, shown

SIGNATURE_ALONE: Final[Any] = {f"verify_{each}": False for each in ("exp", "nbf", "iat", "iss", "aud", "sub", "jti")}
COME_AGAIN: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer of the issuers file, and its keys."""

    alias: str
    rules: Issuer
    keys: KeySource


@dataclass(frozen=True, slots=True)
class Signer:
    """An issuer with the one of its keys that a token names."""

    issuer: TrustedIssuer
    keys: KeySet
    key: PyJWK

    def signed(self, token: str) -> bool:
        """Whether the token's signature is by this key; of its claims nothing is looked at."""
        try:
            jwt.decode(token, self.key, algorithms=[self.key.algorithm_name], options=SIGNATURE_ALONE)
        except InvalidSignatureError:
            return False
        return True


async def signers_of(issuers: Iterable[TrustedIssuer], header: Mapping[str, Any]) -> list[Signer]:
    """Who may have signed a token with this header: one issuer, or those whose keys go by the same id."""
    algorithm, kid = header.get("alg"), header.get("kid")
    allowed = [each for each in issuers if algorithm in each.rules.algorithms]
    if not allowed:
        wanted = ", ".join(dict.fromkeys(name for each in issuers for name in each.rules.algorithms))
        raise refused(
            Cause.ALGORITHM_NOT_ALLOWED,
            f"The token {_signed_with(algorithm)}, and of this issuer the gateway takes {wanted}.",
        )
    found = _holders(allowed, kid, str(algorithm))
    if not found:
        ended = await asyncio.gather(*(each.keys.look_for(kid) for each in allowed))
        found = _holders(allowed, kid, str(algorithm))
        if not found and not all(ended):
            raise _slow(allowed[ended.index(False)])
    if not found:
        raise _no_key(allowed, kid, str(algorithm))
    return found


def _signed_with(algorithm: object) -> str:
    known = isinstance(algorithm, str)
    return f"is signed with {shown(algorithm)}" if known else "does not say in its `alg` how it is signed"


def _holders(issuers: Iterable[TrustedIssuer], kid: str | None, algorithm: str) -> list[Signer]:
    held = ((each, each.keys.current, each.keys.current.get(kid, algorithm)) for each in issuers)
    return [Signer(issuer, keys, key) for issuer, keys, key in held if key is not None]


def _slow(issuer: TrustedIssuer) -> GatewayError:
    return GatewayError(
        Reason.IDENTITY_UNAVAILABLE,
        f"The token's key is not known here yet, and the keys of the issuer {issuer.alias} take long to read. Call "
        "again in a moment.",
        retry_after=COME_AGAIN,
    )


def _no_key(issuers: Iterable[TrustedIssuer], kid: str | None, algorithm: str) -> GatewayError:
    if missing := [each.alias for each in issuers if not each.keys.loaded]:
        return GatewayError(
            Reason.IDENTITY_UNAVAILABLE,
            f"The keys of the issuer {missing[0]} cannot be read now, so no token of it can be judged. Call again in a "
            "moment; the gateway's log says why.",
            retry_after=COME_AGAIN,
        )
    if kid is None:
        which = f"The token names no key, and there is not exactly one for {algorithm}"
    elif why := next((each.keys.current.left_out[kid] for each in issuers if kid in each.keys.current.left_out), None):
        which = f"The token's key {shown(kid)} does not count here: it {why}"
    else:
        which = f"The token's key {shown(kid)} is none of its issuer's keys that count here for {algorithm}"
    if stale := [each.alias for each in issuers if each.keys.stale]:
        new = f"Newer keys of the issuer {stale[0]} cannot be read now; the gateway's log says why."
    else:
        new = "A key that was made just now is known within seconds."
    return refused(Cause.UNKNOWN_KEY, f"{which}: get a new token. {new}")
