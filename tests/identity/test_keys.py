"""An issuer's keys over HTTPS: fetched by one flight at a bounded rate, and kept while the issuer is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from jwt.algorithms import ECAlgorithm

from gateway.identity.issuers import Algorithm, IssuersError
from gateway.identity.key_set import KeySetError, parse_key_set
from gateway.identity.key_source import FETCH_INTERVAL, LOOK_INTERVAL
from identity.house import Door, House
from support.authority import Authority
from support.jwks_server import JwksServer, publishing
from support.token_issuer import TokenIssuer, bearer, jwks


@pytest.fixture
async def server(house: House) -> AsyncIterator[JwksServer]:
    async with publishing(house.issuer.jwks(), house.authority, house.folder) as server:
        yield server


def trust(house: House, server: JwksServer, **changes: object) -> None:
    ca = str(house.folder / "ca.crt")
    house.trust(corp={"jwks_file": None, "jwks_url": server.url, "ca_file": ca, **changes})


async def unavailable(door: Door, token: str) -> None:
    refusal = await door.refused(*bearer(token))
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "IDENTITY_UNAVAILABLE")
    assert "keys of the issuer corp cannot be read now" in refusal.message
    assert refusal.retry_after is not None


async def test_keys_are_fetched_once_for_all_who_wait_for_them(house: House, server: JwksServer) -> None:
    trust(house, server)
    server.open.clear()
    async with house.tokens() as door:
        calls = [asyncio.create_task(door.who(*bearer(house.issuer.token(sub=f"c-{n}")))) for n in range(20)]
        await server.arrived.wait()
        assert (await door.cause())[0] == "NO_CREDENTIALS", "the event loop waits for nobody"
        server.open.set()
        assert len(set(await asyncio.gather(*calls))) == 20
        assert server.asked == [""]


async def test_an_unknown_key_is_looked_for_at_a_bounded_rate(house: House, server: JwksServer) -> None:
    trust(house, server)
    async with house.tokens() as door:
        await door.who(*bearer(house.issuer.token()))
        for number in range(10):
            await door.cause(*bearer(TokenIssuer(kid=f"made-up-{number}").token()))
        assert len(server.asked) == 1
        new = TokenIssuer(kid="key-2")
        server.content = house.issuer.jwks(new)
        house.clock.advance(LOOK_INTERVAL)
        assert await door.who(*bearer(new.token(sub="bob"))) == "jwt:corp:bob"
        assert await door.who(*bearer(house.issuer.token(sub="eve"))) == "jwt:corp:eve"
        assert len(server.asked) == 2


async def test_keys_are_served_stale_while_the_issuer_is_away(house: House, server: JwksServer) -> None:
    trust(house, server)
    async with house.tokens() as door:
        await door.who(*bearer(house.issuer.token()))
        [keys] = house.listening.keys
        with structlog.testing.capture_logs() as logs:
            for status, content in ((503, b"down"), (200, b"<html>"), (200, b'{"keys": []}'), (302, b"")):
                server.status, server.content = status, content
                await keys.refresh()
                await keys.refresh()
                assert await door.who(*bearer(house.issuer.token(sub=f"s{status}"))) == f"jwt:corp:s{status}"
        complaints = [line["error"] for line in logs if line["event"] == "issuer keys cannot be read"]
        assert [text.replace(server.url, "URL") for text in complaints] == [
            "URL answered 503",
            'is not a JWKS, {"keys": […]}',
            "is a JWKS of 0 keys, none of which can verify RS256, ES256",
            "URL answered 302",
        ]


async def test_an_issuer_that_is_away_at_the_start_is_waited_for(house: House, server: JwksServer) -> None:
    trust(house, server)
    server.status = 500
    async with house.tokens() as door:
        await unavailable(door, house.issuer.token())
        server.status = 200
        await unavailable(door, house.issuer.token())
        assert len(server.asked) == 1, "the issuer is not pressed"
        house.clock.advance(LOOK_INTERVAL)
        assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"


async def test_the_background_reads_again_and_sooner_while_there_are_none(house: House, server: JwksServer) -> None:
    trust(house, server)
    server.status = 500
    async with house.tokens():
        [keys] = house.listening.keys
        running = asyncio.create_task(keys.run())
        await house.clock.until_sleeping_for(LOOK_INTERVAL)
        server.status = 200
        house.clock.advance(LOOK_INTERVAL)
        await house.clock.until_sleeping_for(FETCH_INTERVAL)
        assert keys.loaded
        house.clock.advance(LOOK_INTERVAL)
        assert len(server.asked) == 2
        house.clock.advance(FETCH_INTERVAL - LOOK_INTERVAL)
        await house.clock.until_sleeping_for(FETCH_INTERVAL)
        assert len(server.asked) == 3
        running.cancel()
        assert 'batchjobs_issuer_keys_timestamp_seconds{issuer="corp"}' in _exposed(house)


async def test_the_server_behind_the_url_must_be_vouched_for(house: House, server: JwksServer) -> None:
    (house.folder / "other.crt").write_bytes(Authority().pem)
    trust(house, server, ca_file=str(house.folder / "other.crt"))
    with structlog.testing.capture_logs() as logs:
        async with house.tokens() as door:
            await unavailable(door, house.issuer.token())
    assert any("CERTIFICATE_VERIFY_FAILED" in line.get("error", "") for line in logs)
    assert server.asked == []


async def test_the_keys_of_a_cluster_are_fetched_with_a_token_that_is_read_each_time(
    house: House, server: JwksServer
) -> None:
    own = house.folder / "own-token"
    own.write_text("first-secret\n")
    trust(house, server, bearer_file=str(own))
    with structlog.testing.capture_logs() as logs:
        async with house.tokens() as door:
            await door.who(*bearer(house.issuer.token()))
            own.write_text("second-secret\n")
            [keys] = house.listening.keys
            await keys.refresh()
            server.status = 403
            await keys.refresh()
    assert server.asked == ["Bearer first-secret", "Bearer second-secret", "Bearer second-secret"]
    assert "secret" not in str(logs)


async def test_the_fetching_token_goes_to_no_place_that_the_answer_names(house: House, server: JwksServer) -> None:
    server.status = 302
    trust(house, server)
    async with house.tokens() as door:
        await unavailable(door, house.issuer.token())
    assert len(server.asked) == 1


async def test_a_key_file_is_read_again_when_it_changes(house: House) -> None:
    async with house.tokens() as door:
        new = TokenIssuer(kid="key-2")
        (house.folder / "jwks.json").write_bytes(house.issuer.jwks(new))
        house.clock.advance(LOOK_INTERVAL)
        assert await door.who(*bearer(new.token())) == "jwt:corp:alice"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is not a JWKS"),
        (b"[]", "is not a JWKS"),
        (b'{"keys": 7}', "is not a JWKS"),
        (b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}', "none of which can verify RS256, ES256"),
        (b"x" * (2 << 20), "holds more than"),
    ],
)
async def test_a_key_file_that_holds_no_key_stops_the_start(house: House, content: bytes | None, says: str) -> None:
    file = house.folder / "jwks.json"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(IssuersError) as error:
        await house.open()
    assert says in str(error.value)
    assert f"issuer corp: jwks_file {file}" in str(error.value)
    assert "c2VjcmV0" not in str(error.value)


ES256 = (Algorithm.ES256,)


def test_keys_that_are_not_for_signatures_or_not_public_are_left_out() -> None:
    good = TokenIssuer(kid="good")
    rows = [
        {**good.jwk(), "kid": "enc", "use": "enc"},
        {**good.jwk(), "kid": "other", "alg": "ES384"},
        {**ECAlgorithm.to_jwk(good.key, as_dict=True), "kid": "private"},
        {**good.jwk(), "kid": "broken", "x": "AA"},
        {**good.jwk(), "kid": "curve", "crv": "P-384"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac", "alg": "HS256"},
        {"kty": ["EC"], "kid": "list"},
        good.jwk(),
    ]
    found = parse_key_set(jwks(rows), ES256)
    assert set(found.keys) == {("good", "ES256")}
    assert found.left_out == {
        "enc": "is not for signatures, by its `use`",
        "other": "is for no algorithm that the issuer's entry lists",
        "private": "is a private key, which nobody may publish",
        "broken": "is not in order, or RSA below 2048 bits",
        "curve": "is for no algorithm that the issuer's entry lists",
        "hmac": "is for no algorithm that the issuer's entry lists",
        "list": "is for no algorithm that the issuer's entry lists",
    }


def test_a_key_set_that_has_nothing_says_why() -> None:
    rows = [{**TokenIssuer().jwk(), "kid": "enc", "use": "enc"}]
    with pytest.raises(KeySetError, match='none of which can verify ES256; "enc" is not for signatures, by its `use`'):
        parse_key_set(jwks(rows), ES256)


async def test_the_log_says_which_keys_were_left_out(house: House) -> None:
    other = {**TokenIssuer(kid="enc").jwk(), "use": "enc"}
    (house.folder / "jwks.json").write_bytes(jwks([house.issuer.jwk(), other]))
    with structlog.testing.capture_logs() as logs:
        await house.open()
    [line] = [line for line in logs if line["event"] == "issuer keys read"]
    assert (line["keys"], line["left_out"]) == (["key-1"], {"enc": "is not for signatures, by its `use`"})


async def test_a_new_key_is_not_promised_while_the_issuer_is_away(house: House, server: JwksServer) -> None:
    trust(house, server)
    async with house.tokens() as door:
        await door.who(*bearer(house.issuer.token()))
        assert "is known within seconds" in (await door.cause(*bearer(TokenIssuer(kid="new").token())))[1]
        server.status = 503
        house.clock.advance(LOOK_INTERVAL)
        message = (await door.cause(*bearer(TokenIssuer(kid="new").token())))[1]
        assert "known within seconds" not in message
        assert "Newer keys of the issuer corp cannot be read now" in message


def test_the_first_of_two_keys_under_one_id_counts() -> None:
    first, second = TokenIssuer(), TokenIssuer()
    found = parse_key_set(first.jwks(second), ES256).get("key-1", "ES256")
    assert found is not None
    assert found.key.public_numbers() == first.key.public_key().public_numbers()


@pytest.mark.parametrize("text", ['{"keys": [[]]}', "{" * 100_000, "null", '"keys"', "\xff"])
def test_what_is_no_key_set_is_refused_calmly(text: str) -> None:
    with pytest.raises(KeySetError):
        parse_key_set(text.encode("latin-1"), ES256)


def _exposed(house: House) -> str:
    from prometheus_client import generate_latest

    return generate_latest(house.metrics.registry).decode()


def test_a_key_set_is_json(tmp_path: Path) -> None:
    assert json.loads(TokenIssuer().jwks())["keys"][0]["kid"] == "key-1"
