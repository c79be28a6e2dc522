"""Who sends bad tokens again and again is put off, and nobody else: an address behind which others call is spared."""

from typing import Any

import pytest

from gateway.errors import GatewayError, Reason
from gateway.identity.principal import Authenticator, Evidence
from identity.house import Door, House, ranking
from support.authority import uri
from support.token_issuer import bearer

PROXY = "spiffe://corp.example/ns/edge/sa/envoy"
FORWARDED = ("x-forwarded-client-cert", "URI=spiffe://corp.example/ns/search/sa/batch")
JUNK = bearer("ya29.junk")


DIRECT, SIDECAR = "ipv4:10.0.0.7:1", "ipv4:127.0.0.1:1"
LIMITED = [Reason.NOT_AUTHENTICATED, Reason.NOT_AUTHENTICATED, Reason.OVERLOADED, Reason.OVERLOADED]


async def reasons(authenticator: Authenticator, peer: str = DIRECT, *, forwarded: bool = False) -> list[Reason]:
    """Why a caller at one address is refused, four times in a row."""
    found = []
    for _ in LIMITED:
        with pytest.raises(GatewayError) as refused:
            await authenticator.authenticate(Evidence(JUNK, lambda: peer, forwarded=forwarded))
        found.append(refused.value.reason)
    return found


async def test_callers_over_rest_are_not_put_off_for_each_other(house: House) -> None:
    """Where Envoy is a sidecar, and where a setting says from where it calls."""
    listening = await house.open(refused_identities_per_minute=2, rest_proxies="10.8.0.7,10.8.1.0/24,2001:db8:7::/64")
    named = ("ipv4:10.8.0.7:1", "ipv4:10.8.1.9:1", "ipv6:%5B::ffff:10.8.1.9%5D:1", "ipv6:%5B2001:db8:7::1%5D:1")
    for listener in listening.listeners:
        there = listener.authenticator
        for peer in (SIDECAR, "ipv6:%5B::1%5D:1", *named):
            assert set(await reasons(there, peer, forwarded=True)) == {Reason.NOT_AUTHENTICATED}, peer
            good = Evidence(bearer(house.issuer.token()), lambda peer=peer: peer, forwarded=True)
            assert (await there.authenticate(good)).name == "jwt:corp:alice"
    assert await reasons(listening.listeners[0].authenticator) == LIMITED


async def test_who_calls_as_envoy_does_and_is_none_is_put_off(house: House) -> None:
    """The services that Envoy calls are open to everybody who can reach the listener."""
    settings = {"refused_identities_per_minute": 2, "rest_proxies": "10.8.0.7"}
    for peer in (DIRECT, "ipv4:10.8.0.8:1", "ipv6:%5B2001:db8::1%5D:1"):
        for listener in (await house.open(**settings)).listeners[:1]:
            assert await reasons(listener.authenticator, peer, forwarded=True) == LIMITED, peer


async def test_a_sidecar_that_calls_for_itself_is_put_off_like_anybody(house: House) -> None:
    [there, *_] = (await house.open(refused_identities_per_minute=2)).listeners
    assert await reasons(there.authenticator, SIDECAR) == LIMITED


async def flood(door: Door, channel: Any) -> None:
    for _ in range(2):
        assert (await door.cause(*JUNK, FORWARDED, channel=channel))[0] == "NOT_A_JWT"


async def test_callers_behind_a_trusted_proxy_are_not_put_off_for_each_other(house: House) -> None:
    async with house.mtls(trusted_proxies=f"mtls:{PROXY}", refused_identities_per_minute=2) as door:
        proxy = await door.connect(house.authority.issue(uri(PROXY)))
        await flood(door, proxy)
        assert await door.who(*bearer(house.issuer.token()), FORWARDED, channel=proxy) == "jwt:corp:alice"


@pytest.mark.parametrize("named", [True, False])
async def test_whoever_is_no_trusted_proxy_is_put_off(house: House, named: bool) -> None:
    """By what its certificate proves, and whatever header it sends."""
    pair = ranking(house.authority) if named else house.authority.issue()
    async with house.mtls(trusted_proxies=f"mtls:{PROXY}", refused_identities_per_minute=2) as door:
        caller = await door.connect(pair)
        await flood(door, caller)
        assert (await door.refused(*bearer(house.issuer.token()), FORWARDED, channel=caller)).reason == "OVERLOADED"
