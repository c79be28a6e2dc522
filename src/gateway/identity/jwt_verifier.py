"""Judges JWTs: whose they are by issuer, key, signature, audience, times and claim. PyJWT does the cryptography."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt import PyJWK, exceptions

from gateway.errors import GatewayError, Reason
from gateway.identity.advice import audiences
from gateway.identity.issuers import Issuer
from gateway.identity.key_set import KeySet
from gateway.identity.key_source import KeySource
from gateway.identity.names import JWT, MAX_NAME_LENGTH
from gateway.identity.principal import Principal
from gateway.identity.refusal import Cause, refused, shown
from gateway.identity.verified import Verified

CLOCK_SKEW: Final = timedelta(seconds=30)
"""How far an issuer's clock and ours may differ."""
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

    def verified(self, token: str) -> Verified:
        """Whose token it is; raises GatewayError."""
        issuer, keys = self.issuer, self.keys
        claims = _verify(token, self.key, issuer.rules)
        principal = Principal(f"{JWT}{issuer.alias}:{_name(claims, issuer.rules.claim)}")
        return Verified(principal, _expiry(claims), lambda: issuer.keys.current is keys)


class JwtVerifier:
    """Takes tokens of the issuers that it is given. Where several share one `iss`, the key tells them apart."""

    def __init__(self, issuers: Iterable[TrustedIssuer]) -> None:
        self._by_name: dict[str, list[TrustedIssuer]] = {}
        for each in issuers:
            self._by_name.setdefault(each.rules.issuer, []).append(each)

    async def verify(self, token: str) -> Verified:
        """Whose token it is.

        Raises:
            GatewayError: NOT_AUTHENTICATED, IDENTITY_UNAVAILABLE where the issuer's keys were never read.

        """
        header, issuer_name = _unverified(token)
        issuers = self._by_name.get(issuer_name)
        if issuers is None:
            known = ", ".join(sorted(self._by_name))
            raise refused(
                Cause.UNKNOWN_ISSUER,
                f"The token is of the issuer {shown(issuer_name)}, and this gateway takes tokens of {known}.",
            )
        signers = await _signers(issuers, header)
        while len(signers) > 1 and not _signed_by(signers[0], token):
            del signers[0]
        return signers[0].verified(token)


def _unverified(token: str) -> tuple[Mapping[str, Any], str]:
    """The header and the issuer's name that a token claims: nothing is believed of them but where to look further."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except exceptions.PyJWTError as error:
        raise refused(Cause.NOT_A_JWT, "The token is not a well-formed JWT: get a new one.") from error
    issuer = parts["payload"].get("iss")
    if not isinstance(issuer, str):
        how = "missing" if issuer is None else "no text"
        raise refused(Cause.UNKNOWN_ISSUER, f"The token does not say who issued it: its claim `iss` is {how}.")
    return parts["header"], issuer


async def _signers(issuers: Iterable[TrustedIssuer], header: Mapping[str, Any]) -> list[Signer]:
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
        for each in allowed:
            await each.keys.look_for(kid)
        found = _holders(allowed, kid, str(algorithm))
    if not found:
        raise _no_key(allowed, kid, str(algorithm))
    return found


def _signed_with(algorithm: object) -> str:
    known = isinstance(algorithm, str)
    return f"is signed with {shown(algorithm)}" if known else "does not say in its `alg` how it is signed"


def _holders(issuers: Iterable[TrustedIssuer], kid: str | None, algorithm: str) -> list[Signer]:
    held = ((each, each.keys.current, each.keys.current.get(kid, algorithm)) for each in issuers)
    return [Signer(issuer, keys, key) for issuer, keys, key in held if key is not None]


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


def _signed_by(signer: Signer, token: str) -> bool:
    try:
        jwt.decode(token, signer.key, algorithms=[signer.key.algorithm_name], options=SIGNATURE_ALONE)
    except exceptions.InvalidSignatureError:
        return False
    return True


def _verify(token: str, key: PyJWK, rules: Issuer) -> dict[str, Any]:
    """The claims of a token that is in order."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[each.value for each in rules.algorithms],
            issuer=rules.issuer,
            audience=rules.audiences,
            leeway=CLOCK_SKEW,
            options={"require": ["exp", "iss", "aud"], "verify_sub": False, "verify_jti": False},
        )
    except exceptions.ExpiredSignatureError as error:
        raise refused(
            Cause.EXPIRED, "The token has expired: send a new one, read anew from where it is renewed."
        ) from error
    except exceptions.ImmatureSignatureError as error:
        raise refused(
            Cause.NOT_YET_VALID, f"The token is not valid yet: the gateway's clock says {_now()}. Check the issuer's."
        ) from error
    except exceptions.InvalidAudienceError as error:
        raise refused(Cause.WRONG_AUDIENCE, _audience_message(rules)) from error
    except exceptions.MissingRequiredClaimError as error:
        if error.claim == "aud":
            raise refused(Cause.WRONG_AUDIENCE, _audience_message(rules)) from error
        raise refused(
            Cause.CLAIM_NOT_USABLE, f"The token has no claim `{error.claim}`, which this gateway needs."
        ) from error
    except exceptions.InvalidSignatureError as error:
        raise refused(
            Cause.WRONG_SIGNATURE,
            "The token's signature does not fit its issuer's key: it was changed, or not made there.",
        ) from error
    except (exceptions.PyJWTError, OverflowError) as error:
        raise refused(Cause.NOT_A_JWT, "The token's claims are not in order: get a new one.") from error


def _audience_message(rules: Issuer) -> str:
    return f"The token is made for somebody else: have one issued for the audience {audiences(rules)}."


def _name(claims: Mapping[str, Any], claim: str) -> str:
    """The caller's name in the claim."""
    value = claims.get(claim)
    if (
        not isinstance(value, str)
        or not value.isprintable()
        or not 0 < len(value) <= MAX_NAME_LENGTH
        or value != value.strip()
    ):
        raise refused(
            Cause.CLAIM_NOT_USABLE,
            f"The token does not name its holder: this gateway reads the claim `{claim}`, and there it must be a text "
            f"of at most {MAX_NAME_LENGTH} characters, all of them printable, and no space before or after it.",
        )
    if claim == "email" and claims.get("email_verified") is not True:
        raise refused(
            Cause.CLAIM_NOT_USABLE, "The token's issuer does not vouch for its `email`: `email_verified` is not true."
        )
    return value


def _expiry(claims: Mapping[str, Any]) -> float:
    """Until when the token counts, in seconds since 1970."""
    try:
        return float(claims["exp"])
    except OverflowError as error:
        raise refused(Cause.CLAIM_NOT_USABLE, "The token's `exp` is no moment that can be told.") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
