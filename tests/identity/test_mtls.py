"""Callers with client certificates, over real TLS connections."""

import grpc
import pytest

from identity.house import SPIFFE_ID, Door, House, ranking
from support.authority import HOUR, Authority, dns, uri
from support.token_issuer import bearer

PROXY = "spiffe://corp.example/ns/edge/sa/envoy"
FORWARDED = "x-forwarded-client-cert"


async def test_the_principal_is_the_certificates_spiffe_id(house: House) -> None:
    async with house.mtls() as door:
        channel = await door.connect(ranking(house.authority))
        assert await door.who(channel=channel) == f"mtls:{SPIFFE_ID}"


@pytest.mark.parametrize(
    "names",
    [
        [],
        [uri(SPIFFE_ID), uri("spiffe://corp.example/ns/search/sa/batch")],
        [uri(SPIFFE_ID), uri("https://corp.example/ranking")],
        [uri("https://corp.example/ranking")],
        [uri("spiffe://corp.example/ns/ranking/../search")],
        [uri("spiffe://corp.example/ns/ranking%2Fsa")],
        [uri("spiffe://corp.example:443/ns")],
        [uri("spiffe://CORP.example/ns")],
        [uri("spiffe://corp.example/ns/")],
        [dns(SPIFFE_ID)],
        [dns("batch.ranking.corp.example")],
    ],
    ids=str,
)
async def test_a_certificate_without_exactly_one_spiffe_id_names_nobody(house: House, names: list) -> None:
    async with house.mtls() as door:
        channel = await door.connect(house.authority.issue(*names))
        cause, message = await door.cause(channel=channel)
        assert cause == "NO_NAME_IN_CERTIFICATE"
        assert "spiffe://corp.example/ns/ranking/sa/batch" in message
        assert "DNS" not in message
        assert "send a token" in message


async def test_a_dns_name_beside_the_uri_changes_nothing(house: House) -> None:
    async with house.mtls(mtls_dns_names=True) as door:
        pair = house.authority.issue(uri(SPIFFE_ID), dns("spiffe://corp.example/ns/search"), dns("other.example"))
        assert await door.who(channel=await door.connect(pair)) == f"mtls:{SPIFFE_ID}"


async def test_dns_names_count_where_they_are_opted_in_to(house: House) -> None:
    async with house.mtls(mtls_dns_names=True) as door:
        channel = await door.connect(house.authority.issue(dns("Batch.ranking.corp.example")))
        assert await door.who(channel=channel) == "mtls-dns:batch.ranking.corp.example"


@pytest.mark.parametrize(
    "names",
    [
        [dns("a.example"), dns("b.example")],
        [dns("*.example")],
        [dns("a.example"), uri("https://a.example/")],
        [dns("a.example"), uri(SPIFFE_ID), uri(PROXY)],
        [dns("spiffe://corp.example/ns/search")],
    ],
    ids=str,
)
async def test_a_dns_name_is_exactly_one_and_no_wildcard(house: House, names: list) -> None:
    async with house.mtls(mtls_dns_names=True) as door:
        cause, message = await door.cause(channel=await door.connect(house.authority.issue(*names)))
        assert cause == "NO_NAME_IN_CERTIFICATE"
        assert "exactly one DNS name" in message


async def not_connected(door: Door, channel: grpc.aio.Channel) -> None:
    refusal = await door.refused(channel=channel)
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "")
    assert "grpc_server_started_total{" not in door.served.exposed(), "a call came through"


async def test_without_a_certificate_there_is_no_connection(house: House) -> None:
    async with house.mtls() as door:
        await not_connected(door, door.served.channel)


@pytest.mark.parametrize("wrong", ["another CA", "expired", "not yet valid"])
async def test_a_certificate_that_does_not_hold_makes_no_connection(house: House, wrong: str) -> None:
    pair = {
        "another CA": Authority().issue(uri(SPIFFE_ID)),
        "expired": house.authority.issue(uri(SPIFFE_ID), starts=-2 * HOUR, ends=-HOUR),
        "not yet valid": house.authority.issue(uri(SPIFFE_ID), starts=HOUR, ends=2 * HOUR),
    }[wrong]
    async with house.mtls() as door:
        await not_connected(door, await door.connect(pair))


async def test_a_caller_that_trusts_another_ca_does_not_connect(house: House) -> None:
    async with house.mtls() as door:
        await not_connected(door, await door.connect(ranking(house.authority), ca=Authority().pem))


async def test_a_token_that_comes_along_is_the_principal(house: House) -> None:
    async with house.mtls() as door:
        channel = await door.connect(ranking(house.authority))
        assert await door.who(*bearer(house.issuer.token()), channel=channel) == "jwt:corp:alice"


@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer x", "Basic eA==", "Bearer ya29.opaque"])
async def test_a_bad_token_never_falls_back_to_the_certificate(house: House, sent: str) -> None:
    async with house.mtls() as door:
        channel = await door.connect(ranking(house.authority))
        await door.cause(("authorization", sent), channel=channel)
        await door.cause(*bearer(house.issuer.token(aud="another")), channel=channel)


async def test_without_issuers_a_token_is_refused_all_the_same(house: House) -> None:
    async with house.mtls(api_listen="", issuers=None) as door:
        channel = await door.connect(ranking(house.authority))
        cause, message = await door.cause(*bearer(house.issuer.token()), channel=channel)
        assert cause == "NO_TOKENS_HERE"
        assert "leave `authorization` out" in message
        assert await door.who(channel=channel) == f"mtls:{SPIFFE_ID}"


async def test_without_issuers_nobody_is_told_to_send_a_token(house: House) -> None:
    async with house.mtls(api_listen="", issuers=None) as door:
        cause, message = await door.cause(channel=await door.connect(house.authority.issue()))
        assert cause == "NO_NAME_IN_CERTIFICATE"
        assert "token" not in message


async def test_forwarded_names_are_read_from_trusted_proxies_alone(house: House) -> None:
    said = (FORWARDED, f"By={PROXY};Hash=00ff;URI=spiffe://corp.example/ns/search/sa/batch")
    async with house.mtls(trusted_proxies=f"mtls:{PROXY}") as door:
        direct = await door.connect(ranking(house.authority))
        assert await door.who(said, channel=direct) == f"mtls:{SPIFFE_ID}"
        proxy = await door.connect(house.authority.issue(uri(PROXY)))
        assert await door.who(said, channel=proxy) == "mtls:spiffe://corp.example/ns/search/sa/batch"
        assert await door.who(said, *bearer(house.issuer.token()), channel=proxy) == "jwt:corp:alice"


async def test_without_trusted_proxies_nobody_forwards_and_on_the_token_listener_nobody_ever_does(house: House) -> None:
    said = (FORWARDED, "URI=spiffe://corp.example/ns/search/sa/batch")
    async with house.mtls() as door:
        assert await door.who(said, channel=await door.connect(ranking(house.authority))) == f"mtls:{SPIFFE_ID}"
    async with house.tokens(trusted_proxies=f"mtls:{PROXY}") as door:
        assert (await door.cause(said))[0] == "NO_CREDENTIALS"
        assert await door.who(said, *bearer(house.issuer.token())) == "jwt:corp:alice"


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [""],
        ["Hash=00ff"],
        ["URI=https://corp.example/"],
        ["URI=spiffe://a.example/x;URI=spiffe://b.example/x"],
        ["URI=spiffe://a.example/x,URI=spiffe://b.example/x"],
        ["URI=spiffe://a.example/x", "URI=spiffe://b.example/x"],
        ["URI=spiffe://a.example/x;"],
        ['Subject="CN=x;URI=spiffe://a.example/x"'],
        ["URI=spiffe://a.example/x,"],
    ],
    ids=str,
)
async def test_a_trusted_proxy_must_say_for_whom_it_calls_in_one_way_only(house: House, sent: list[str]) -> None:
    async with house.mtls(trusted_proxies="mtls:spiffe://corp.example/ns/edge/sa/*") as door:
        proxy = await door.connect(house.authority.issue(uri(PROXY)))
        cause, message = await door.cause(*[(FORWARDED, value) for value in sent], channel=proxy)
        assert cause == "FORWARDED_NOT_USABLE"
        assert "SANITIZE_SET" in message


async def test_a_quoted_subject_does_not_end_the_element(house: House) -> None:
    said = (FORWARDED, f'Hash=00;Subject="CN=a\\",URI=spiffe://b.example/x;O=b, c";URI="{SPIFFE_ID}"')
    async with house.mtls(trusted_proxies=f"mtls:{PROXY}") as door:
        proxy = await door.connect(house.authority.issue(uri(PROXY)))
        assert await door.who(said, channel=proxy) == f"mtls:{SPIFFE_ID}"


async def test_the_token_listener_asks_for_no_certificate(house: House) -> None:
    async with house.tokens() as door:
        channel = await door.connect(ranking(house.authority))
        cause, message = await door.cause(channel=channel)
        assert cause == "NO_CREDENTIALS"
        assert "authorization: Bearer TOKEN" in message
        assert "A client certificate counts at the listener of `mtls_listen` alone" in message
