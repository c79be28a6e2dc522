"""Tokens of every form, well signed and not: the verifier answers or refuses, and never fails."""

import asyncio
import base64
import itertools
import json
import time
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Reason
from gateway.identity.advice import Advice
from gateway.identity.bearer import bearer_token, require_jwt
from gateway.identity.issuers import Algorithm, Issuer
from gateway.identity.jwt_verifier import JwtVerifier
from gateway.identity.key_source import KeySource
from gateway.identity.principal import Evidence
from gateway.identity.signers import TrustedIssuer
from support.clock import DrivenClock
from support.token_issuer import AUDIENCE, TokenIssuer

ISSUER = TokenIssuer()
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers() | st.floats() | st.just(10**400) | st.integers(0, 2 * 10**9).map(float)
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.just(ISSUER.name) | JSON,
        "aud": st.just(AUDIENCE) | st.lists(st.just(AUDIENCE) | JSON, max_size=2) | JSON,
        "sub": st.just("alice") | JSON,
        "exp": st.just(time.time() + 10**6) | NUMBERS | JSON,
        "nbf": NUMBERS | JSON,
        "iat": NUMBERS | JSON,
        "jti": JSON,
    },
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["ES256", "RS256", "HS256", "none"]) | JSON,
        "kid": st.just(ISSUER.kid) | JSON,
        "typ": JSON,
        "crit": JSON,
        "b64": JSON,
        "jwk": JSON,
        "x5u": JSON,
    },
)
DEEP = "[" * 9000


class Ignored:
    """Nobody listens to what was read."""

    def keys_read(self, alias: str) -> None:
        """Nothing is made of it."""


async def judged(token: str) -> str:
    """What becomes of a token whose keys were read: the principal, or the reason of the refusal."""
    rules = Issuer(issuer=ISSUER.name, audiences=[AUDIENCE], jwks_file="keys.json")
    clock = DrivenClock(datetime.now(UTC))
    keys = KeySource("corp", rules.algorithms, ISSUER.jwks, clock=clock, observer=Ignored())
    await keys.first()
    advice = Advice([rules])
    try:
        sent = bearer_token(Evidence((("authorization", f"Bearer {token}"),)), advice)
        require_jwt(sent, advice)
        return (await JwtVerifier([TrustedIssuer("corp", rules, keys)]).verify(sent)).principal.name
    except GatewayError as error:
        return error.reason.value


def signed(header: str, payload: str) -> str:
    """The two texts with the signature that ES256 makes of them."""
    what = f"{_segment(header.encode())}.{_segment(payload.encode())}"
    r, s = decode_dss_signature(ISSUER.key.sign(what.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{what}.{_segment(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@example({}, {"exp": 10**400})
@example({}, {"exp": 1e308})
@given(HEADERS, CLAIMS)
def test_any_header_and_claims_under_a_good_signature_are_judged(header: Any, claims: Any) -> None:
    usual = {"alg": Algorithm.ES256.value, "kid": ISSUER.kid}
    for each, told in itertools.product(({**usual, **header}, header, usual), ({**ISSUER.claims(), **claims}, claims)):
        answer = asyncio.run(judged(signed(json.dumps(each), json.dumps(told))))
        assert answer == Reason.NOT_AUTHENTICATED.value or answer.startswith("jwt:corp:")


@example(DEEP, "{}", "")
@example('{"alg": "ES256", "kid": "key-1"}', DEEP, "")
@example('{"alg": "ES256", "kid": "key-1"}', '{"a":' * 1500, "")
@example('{"alg": "ES256", "kid": "key-1"}', "9" * 5000, "")
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_text_in_the_place_of_json_is_refused(header: str, payload: str, more: str) -> None:
    for token in (signed(header, payload), f"{signed(header, payload)}{_segment(more.encode())}", more):
        assert asyncio.run(judged(token)) == Reason.NOT_AUTHENTICATED.value


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_in_the_place_of_a_tokens_parts_are_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    token = ".".join(_segment(part) for part in (header, payload, signature))
    assert asyncio.run(judged(token)) == Reason.NOT_AUTHENTICATED.value


def test_the_token_that_all_this_is_made_of_is_taken() -> None:
    """Otherwise refusals would prove nothing."""
    header = {"alg": Algorithm.ES256.value, "kid": ISSUER.kid}
    assert asyncio.run(judged(signed(json.dumps(header), json.dumps(ISSUER.claims())))) == "jwt:corp:alice"
