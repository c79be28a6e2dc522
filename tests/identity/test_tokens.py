"""Callers with tokens, over real TLS connections: each wrong way is refused with a sentence that says what to mend."""

import hashlib
import hmac
import time
from typing import Any

import grpc
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.errors import GatewayError
from gateway.identity.advice import Advice
from gateway.identity.bearer import MAX_TOKEN_LENGTH, require_jwt
from gateway.telemetry.logs import merge_names
from identity.house import House
from support.token_issuer import AUDIENCE, TokenIssuer, bearer, jwks

NOW = time.time()


async def test_the_principal_is_the_issuers_alias_and_the_claim(house: House) -> None:
    async with house.tokens() as door:
        assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"
        assert await door.who(("authorization", f"bearer  {house.issuer.token(sub='bob')}")) == "jwt:corp:bob"


async def test_each_issuer_names_callers_by_the_claim_of_its_own(house: House) -> None:
    house.trust(corp={"claim": "email"}, **{"cluster-a": {"issuer": "https://a", "claim": "https://corp.example/id"}})
    async with house.tokens() as door:
        token = house.issuer.token(email="alice@corp.example", email_verified=True)
        assert await door.who(*bearer(token)) == "jwt:corp:alice@corp.example"
        token = house.issuer.token(iss="https://a", **{"https://corp.example/id": "7"})
        assert await door.who(*bearer(token)) == "jwt:cluster-a:7"


async def test_two_clusters_of_one_issuer_name_are_told_apart_by_their_keys(house: House) -> None:
    name = "https://kubernetes.default.svc.cluster.local"
    one, two = TokenIssuer(name, kid="one"), TokenIssuer(name, kid="two")
    for each in (one, two):
        (house.folder / f"{each.kid}.json").write_bytes(each.jwks())
    house.trust(
        **{
            f"cluster-{each.kid}": {"issuer": name, "jwks_file": str(house.folder / f"{each.kid}.json")}
            for each in (one, two)
        }
    )
    account = "system:serviceaccount:ranking:batch"
    async with house.tokens() as door:
        assert await door.who(*bearer(one.token(sub=account))) == f"jwt:cluster-one:{account}"
        assert await door.who(*bearer(two.token(sub=account))) == f"jwt:cluster-two:{account}"
        assert await door.who(*bearer(two.token(headers={}))) == "jwt:cluster-two:alice"
        two.kid = "one"
        assert (await door.cause(*bearer(two.token())))[0] == "WRONG_SIGNATURE"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "PS256", "ES256"])
async def test_signatures_that_are_allowed_are_taken(house: House, algorithm: str) -> None:
    issuer = TokenIssuer.with_rsa() if algorithm[:2] in {"RS", "PS"} else TokenIssuer()
    (house.folder / "jwks.json").write_bytes(issuer.jwks())
    issuer.algorithm = algorithm
    house.trust(corp={"algorithms": ["RS256", "RS384", "PS256", "ES256"]})
    async with house.tokens() as door:
        assert await door.who(*bearer(issuer.token())) == "jwt:corp:alice"


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "audience": ({"aud": "another-service"}, "WRONG_AUDIENCE", f"for the audience {AUDIENCE}"),
    "no audience": ({"aud": None}, "WRONG_AUDIENCE", f"for the audience {AUDIENCE}"),
    "audiences": ({"aud": ["a", "b"]}, "WRONG_AUDIENCE", f"for the audience {AUDIENCE}"),
    "issuer": ({"iss": "https://elsewhere.example"}, "UNKNOWN_ISSUER", "takes tokens of https://login.corp.example"),
    "a slash more": ({"iss": "https://login.corp.example/"}, "UNKNOWN_ISSUER", "takes tokens of"),
    "no issuer": ({"iss": None}, "UNKNOWN_ISSUER", "`iss` is missing"),
    "expired": ({"exp": int(NOW) - 120}, "EXPIRED", "has expired: send a new one"),
    "no expiry": ({"exp": None}, "CLAIM_NOT_USABLE", "no claim `exp`"),
    "endless": ({"exp": float("inf")}, "NOT_A_JWT", "not in order"),
    "not yet valid": ({"nbf": int(NOW) + 3600}, "NOT_YET_VALID", "the gateway's clock says 20"),
    "issued tomorrow": ({"iat": int(NOW) + 86400}, "NOT_YET_VALID", "Check the issuer's"),
    "nobody": ({"sub": None}, "CLAIM_NOT_USABLE", "the claim `sub`"),
    "empty": ({"sub": ""}, "CLAIM_NOT_USABLE", "the claim `sub`"),
    "a number": ({"sub": 7}, "CLAIM_NOT_USABLE", "the claim `sub`"),
    "a list": ({"sub": ["alice"]}, "CLAIM_NOT_USABLE", "the claim `sub`"),
    "a newline": ({"sub": "alice\nbob"}, "CLAIM_NOT_USABLE", "all of them printable"),
    "a space": ({"sub": "alice "}, "CLAIM_NOT_USABLE", "no space before or after it"),
    "too long": ({"sub": "a" * 513}, "CLAIM_NOT_USABLE", "512 characters"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_token_whose_claims_are_wrong_is_refused(house: House, wrong: str) -> None:
    changes, cause, says = WRONG[wrong]
    async with house.tokens() as door:
        found, message = await door.cause(*bearer(house.issuer.token(**changes)))
        assert found == cause
        assert says in message


async def test_an_email_that_nobody_vouches_for_names_nobody(house: House) -> None:
    house.trust(corp={"claim": "email"})
    async with house.tokens() as door:
        for claims in ({"email_verified": False}, {"email_verified": "true"}, {}):
            cause, message = await door.cause(*bearer(house.issuer.token(email="alice@corp.example", **claims)))
            assert cause == "CLAIM_NOT_USABLE"
            assert "email_verified" in message


async def test_clocks_may_differ_a_little(house: House) -> None:
    async with house.tokens() as door:
        token = house.issuer.token(nbf=int(time.time()) + 10, exp=int(time.time()) - 10)
        assert await door.who(*bearer(token)) == "jwt:corp:alice"


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE", ""])
async def test_a_token_that_nobody_signed_is_refused(house: House, none: str) -> None:
    async with house.tokens() as door:
        for signature in (b"", b"x"):
            cause, message = await door.cause(*bearer(house.issuer.forged(none, signature)))
            assert cause == "ALGORITHM_NOT_ALLOWED"
            assert "takes RS256, ES256" in message


@pytest.mark.parametrize("none", [None, ["ES256"], 7])
async def test_a_token_that_says_not_how_it_is_signed_is_told_so(house: House, none: Any) -> None:
    async with house.tokens() as door:
        cause, message = await door.cause(*bearer(house.issuer.forged(none)))
        assert cause == "ALGORITHM_NOT_ALLOWED"
        assert "does not say in its `alg` how it is signed" in message


@pytest.mark.parametrize("issuer", [TokenIssuer(), TokenIssuer.with_rsa()], ids=["EC", "RSA"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_an_hmac_keyed_with_the_public_key_is_refused(house: House, issuer: TokenIssuer, algorithm: str) -> None:
    (house.folder / "jwks.json").write_bytes(issuer.jwks())
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    async with house.tokens() as door:
        for secret in (issuer.public_pem(), issuer.public_pem().strip(), issuer.jwks()):
            signature = hmac.digest(secret, issuer.unsigned(algorithm).encode(), digest)
            assert (await door.cause(*bearer(issuer.forged(algorithm, signature))))[0] == "ALGORITHM_NOT_ALLOWED"


async def test_an_algorithm_that_the_key_is_not_for_is_refused(house: House) -> None:
    issuer = TokenIssuer.with_rsa()
    (house.folder / "jwks.json").write_bytes(jwks([issuer.jwk(alg="RS256")]))
    house.trust(corp={"algorithms": ["RS256", "PS256"]})
    async with house.tokens() as door:
        issuer.algorithm = "PS256"
        cause, message = await door.cause(*bearer(issuer.token()))
        assert cause == "UNKNOWN_KEY"
        assert "is none of its issuer's keys that count here for PS256" in message


async def test_a_token_that_leaves_its_key_open_is_told_so(house: House) -> None:
    (house.folder / "jwks.json").write_bytes(house.issuer.jwks(TokenIssuer(kid="key-2")))
    async with house.tokens() as door:
        cause, message = await door.cause(*bearer(house.issuer.token(headers={})))
        assert cause == "UNKNOWN_KEY"
        assert "The token names no key, and there is not exactly one for ES256" in message


async def test_somebody_elses_signature_under_a_known_key_id_is_refused(house: House) -> None:
    async with house.tokens() as door:
        cause, message = await door.cause(*bearer(TokenIssuer().token()))
        assert cause == "WRONG_SIGNATURE"
        assert "not made there" in message


async def test_a_key_that_nobody_publishes_is_refused(house: House) -> None:
    async with house.tokens() as door:
        cause, message = await door.cause(*bearer(TokenIssuer(kid="made-up").token()))
        assert cause == "UNKNOWN_KEY"
        assert '"made-up"' in message


@pytest.mark.parametrize(
    ("sent", "cause", "says"),
    [
        ([], "NO_CREDENTIALS", f"Bearer TOKEN` with a JWT of https://login.corp.example for the audience {AUDIENCE}."),
        (["Basic YWxpY2U6c2VjcmV0"], "NOT_BEARER", f"https://login.corp.example for the audience {AUDIENCE}."),
        (["Bearer"], "NOT_BEARER", "Bearer TOKEN"),
        (["Bearer a b"], "NOT_BEARER", "Bearer TOKEN"),
        (["{token}"], "NOT_BEARER", "Bearer TOKEN"),
        (["Bearer {token}", "Bearer {token}"], "SEVERAL_TOKENS", "sent 2 times: send it once"),
        (["Bearer ya29.a0AfB_secret"], "NOT_A_JWT", f"login.corp.example for the audience {AUDIENCE}."),
        (["Bearer opaque-secret"], "NOT_A_JWT", "opaque tokens are not taken"),
        (["Bearer a.b.c.d.e"], "NOT_A_JWT", "opaque tokens are not taken"),
        (["Bearer e30.e30."], "UNKNOWN_ISSUER", "`iss` is missing"),
        (["Bearer e30.eyJpc3MiOiBbMV19."], "UNKNOWN_ISSUER", "`iss` is no text"),
        (["Bearer x.y.z"], "NOT_A_JWT", "not a well-formed JWT"),
    ],
)
async def test_what_is_no_token_is_refused_by_what_to_send(
    house: House, sent: list[str], cause: str, says: str
) -> None:
    async with house.tokens() as door:
        metadata = [("authorization", value.format(token=house.issuer.token())) for value in sent]
        found, message = await door.cause(*metadata)
        assert found == cause
        assert says in message
        assert "secret" not in message


async def test_who_sends_a_google_access_token_is_told_of_gcloud_where_google_is_trusted(house: House) -> None:
    house.trust(corp={}, google={"issuer": "https://accounts.google.com", "claim": "email"})
    async with house.tokens() as door:
        _, message = await door.cause(*bearer("ya29.a0AfB_secret"))
        assert f"`gcloud auth print-identity-token --audiences={AUDIENCE}`" in message


def test_a_token_past_all_measure_is_told_so() -> None:
    with pytest.raises(GatewayError) as refused:
        require_jwt("a.b." + "c" * MAX_TOKEN_LENGTH, Advice([]))
    assert "longer than 16384 characters" in refused.value.message


async def test_nothing_that_was_sent_as_proof_is_logged_or_answered(house: House) -> None:
    tokens = ["ya29.MARKED-secret", house.issuer.token(aud="x", note="MARKED"), "MARKED.MARKED.MARKED"]
    with structlog.testing.capture_logs() as logs:
        async with house.tokens() as door:
            for token in tokens:
                refusal = await door.refused(*bearer(token))
                parts = [token, *token.split(".")]
                told = f"{refusal.message} {refusal.details} {logs} {door.served.exposed()}"
                assert not [part for part in parts if part in told]


async def test_the_log_says_why_a_caller_was_refused(house: House) -> None:
    async with house.tokens() as door:
        with structlog.testing.capture_logs(processors=[merge_names]) as logs:
            await door.cause(*bearer(house.issuer.token(aud="another")))
            while not (lines := [line for line in logs if line["event"] == "rpc"]):
                door.served.counted.clear()
                await door.served.counted.wait()
        assert lines[0]["cause"] == "WRONG_AUDIENCE"
        assert "principal" not in lines[0]


async def test_an_expiry_beyond_all_numbers_is_refused(house: House) -> None:
    async with house.tokens() as door:
        cause, message = await door.cause(*bearer(house.issuer.token(exp=10**400)))
        assert cause in {"CLAIM_NOT_USABLE", "NOT_A_JWT"}
        assert message


async def test_a_small_rsa_key_counts_for_nothing(house: House) -> None:
    small = TokenIssuer.with_rsa(kid="small")
    small.key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    good = TokenIssuer.with_rsa(kid="good")
    (house.folder / "jwks.json").write_bytes(good.jwks(small))
    async with house.tokens() as door:
        assert await door.who(*bearer(good.token())) == "jwt:corp:alice"
        with pytest.warns(match="below the minimum"):
            token = small.token()
        cause, message = await door.cause(*bearer(token))
        assert cause == "UNKNOWN_KEY"
        assert 'key "small" does not count here: it is not in order, or RSA below 2048 bits' in message


async def test_a_verified_token_is_judged_once_and_no_longer_than_it_lives(house: House, monkeypatch) -> None:
    judged: list[str] = []
    monkeypatch.setattr("gateway.identity.bearer.require_jwt", lambda token, _: judged.append(token))
    async with house.tokens() as door:
        token = house.issuer.token(exp=int(house.clock.now().timestamp()) + 100)
        for _ in range(3):
            await door.who(*bearer(token))
        assert len(judged) == 1
        house.clock.advance(99)
        await door.who(*bearer(token))
        assert len(judged) == 1
        house.clock.advance(2)
        await door.who(*bearer(token))
        assert len(judged) == 2


async def test_a_key_that_is_taken_back_ends_the_tokens_that_it_signed(house: House) -> None:
    async with house.tokens() as door:
        token = house.issuer.token()
        assert await door.who(*bearer(token)) == "jwt:corp:alice"
        (house.folder / "jwks.json").write_bytes(TokenIssuer(kid="next").jwks())
        [keys] = house.listening.keys
        await keys.refresh()
        assert (await door.cause(*bearer(token)))[0] == "UNKNOWN_KEY"


async def test_who_is_refused_too_often_is_put_off_and_known_tokens_are_not(house: House) -> None:
    async with house.tokens(refused_identities_per_minute=5) as door:
        known = house.issuer.token()
        await door.who(*bearer(known))
        for number in range(5):
            await door.cause(*bearer(house.issuer.token(aud=f"other-{number}")))
        refusal = await door.refused(*bearer(house.issuer.token(sub="bob")))
        assert (refusal.code, refusal.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert 0 < refusal.retry_after.total_seconds() <= 12
        assert await door.who(*bearer(known)) == "jwt:corp:alice"
        house.clock.advance(refusal.retry_after.total_seconds())
        assert await door.who(*bearer(house.issuer.token(sub="bob"))) == "jwt:corp:bob"


async def test_probes_need_no_identity(house: House) -> None:
    async with house.tokens() as door:
        await door.served.health.serving()
        stub = health_pb2_grpc.HealthStub(door.served.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_plaintext_is_not_spoken(house: House) -> None:
    async with house.tokens() as door, grpc.aio.insecure_channel(f"localhost:{door.served.port}") as plain:
        refusal = await door.refused(*bearer(house.issuer.token()), channel=plain)
        assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "")
