"""Judges JWTs: whose they are by issuer, key, signature, audience, times and claim. PyJWT does the cryptography."""

from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

from gateway.identity.claims import expiry, name_in, verified_claims
from gateway.identity.names import JWT
from gateway.identity.principal import Principal
from gateway.identity.refusal import Cause, refused, shown
from gateway.identity.signers import Signer, TrustedIssuer, signers_of
from gateway.identity.verified import Verified


class JwtVerifier:
    """Takes tokens of the issuers that it is given. Where several share one `iss`, the key tells them apart."""

    def __init__(self, issuers: Iterable[TrustedIssuer]) -> None:
        self._by_name: dict[str, list[TrustedIssuer]] = {}
        for each in issuers:
            self._by_name.setdefault(each.rules.issuer, []).append(each)

    async def verify(self, token: str) -> Verified:
        """Whose token it is.

        Raises:
            GatewayError: NOT_AUTHENTICATED, IDENTITY_UNAVAILABLE where the issuer's keys were never read, or where
                it takes too long to look for one that is not known.

        """
        header, issuer_name = _unverified(token)
        issuers = self._by_name.get(issuer_name)
        if issuers is None:
            known = ", ".join(sorted(self._by_name))
            raise refused(
                Cause.UNKNOWN_ISSUER,
                f"The token is of the issuer {shown(issuer_name)}, and this gateway takes tokens of {known}.",
            )
        signers = await signers_of(issuers, header)
        while len(signers) > 1 and not signers[0].signed(token):
            del signers[0]
        return _verified(token, signers[0])


def _unverified(token: str) -> tuple[Mapping[str, Any], str]:
    """The header and the issuer's name that a token claims: nothing is believed of them but where to look further."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except PyJWTError as error:
        raise refused(Cause.NOT_A_JWT, "The token is not a well-formed JWT: get a new one.") from error
    issuer = parts["payload"].get("iss")
    if not isinstance(issuer, str):
        how = "missing" if issuer is None else "no text"
        raise refused(Cause.UNKNOWN_ISSUER, f"The token does not say who issued it: its claim `iss` is {how}.")
    return parts["header"], issuer


def _verified(token: str, signer: Signer) -> Verified:
    issuer, keys = signer.issuer, signer.keys
    claims = verified_claims(token, signer.key, issuer.rules)
    principal = Principal(f"{JWT}{issuer.alias}:{name_in(claims, issuer.rules.claim)}")
    return Verified(principal, expiry(claims), lambda: issuer.keys.current is keys)
