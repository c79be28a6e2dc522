"""Callers who are known by a bearer token: how a token is sent, and what is kept of those that were verified."""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from gateway.errors import GatewayError
from gateway.identity.advice import TOKEN_HEADER, Advice
from gateway.identity.principal import Evidence, Principal
from gateway.identity.refusal import Cause, refused
from gateway.identity.rest_proxies import RestProxies
from gateway.identity.throttle import Throttle
from gateway.identity.verified import Verified, VerifiedTokens

MAX_TOKEN_LENGTH: Final = 16 * 1024

_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_GOOGLE: Final = "ya29."
_NO_CERTIFICATES: Final = "A client certificate counts at the listener of `mtls_listen` alone."
_BY_REST: Final = "Over REST nothing else says who calls."


class Verifier(Protocol):
    """Judges a JWT."""

    async def verify(self, token: str) -> Verified:
        """Whose token it is and until when; raises GatewayError."""
        ...


class Tokens:
    """For a listener that takes tokens. Judging costs processor time, so a peer that is refused again and again is put
    off for a while; tokens that were verified before are let through all the same. A proxy is never put off: behind its
    address are callers who have done nothing. Who calls as only a proxy does, and is not known for one, is no proxy.
    """

    def __init__(
        self, verifier: Verifier, kept: VerifiedTokens, throttle: Throttle, advice: Advice, proxies: RestProxies
    ) -> None:
        self._verifier, self._kept, self._throttle, self._advice = verifier, kept, throttle, advice
        self._proxies = proxies

    async def authenticate(self, evidence: Evidence) -> Principal:
        """The principal of the one bearer token in the metadata."""
        token = bearer_token(evidence, self._advice)
        principal = self._kept.principal_of(token)
        if principal is not None:
            return principal
        peer = self._answerable(evidence)
        if peer is None:
            return await self._judge(token)
        with self._throttle.judging(peer):
            try:
                return await self._judge(token)
            except GatewayError:
                # Also where its key could not be looked for now: key ids are made up as easily as signatures.
                self._throttle.refused(peer)
                raise

    async def _judge(self, token: str) -> Principal:
        require_jwt(token, self._advice)
        verified = await self._verifier.verify(token)
        self._kept.keep(token, verified)
        return verified.principal

    def _answerable(self, evidence: Evidence) -> str | None:
        """The address that is put off for what it sends; None where it stands for many callers."""
        peer = evidence.peer()
        by_proxy = peer is not None and evidence.forwarded and self._proxies.take_in(peer)
        return None if by_proxy else peer


def bearer_token(evidence: Evidence, advice: Advice) -> str:
    """The token that came with the call; refuses none, several, and other schemes."""
    values: Sequence[str | bytes] = [value for key, value in evidence.metadata if key == TOKEN_HEADER]
    if not values:
        besides = _BY_REST if evidence.forwarded else _NO_CERTIFICATES
        raise refused(Cause.NO_CREDENTIALS, f"This call says not who makes it. {advice.token} {besides}")
    if len(values) > 1:
        raise refused(Cause.SEVERAL_TOKENS, f"`{TOKEN_HEADER}` was sent {len(values)} times: send it once.")
    found = _BEARER.fullmatch(values[0]) if isinstance(values[0], str) else None
    if found is None:
        raise refused(
            Cause.NOT_BEARER, f"What stands in `{TOKEN_HEADER}` is not of the form `Bearer TOKEN`. {advice.token}"
        )
    return found[1]


def require_jwt(token: str, advice: Advice) -> None:
    """Refuse what is no JWT, an opaque access token above all: it cannot be verified here, and is sent nowhere."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise refused(Cause.NOT_A_JWT, f"The token is longer than {MAX_TOKEN_LENGTH} characters. {advice.token}")
    if _JWT.fullmatch(token):
        return
    if token.startswith(_GOOGLE):
        raise refused(
            Cause.NOT_A_JWT,
            "This is an opaque Google access token, which only Google can read; the gateway neither takes nor forwards "
            f"it. {advice.google}",
        )
    raise refused(
        Cause.NOT_A_JWT,
        "The token is not a JWT (three parts of base64url, joined by dots), and opaque tokens are not taken. "
        f"{advice.token}",
    )
