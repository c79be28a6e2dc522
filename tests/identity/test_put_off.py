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


async def reasons(authenticator: Authenticator, times: int, **known: Any) -> list[Reason]:
    """Why a caller at one address is refused, so many times in a row."""
    found = []
    for _ in range(times):
        with pytest.raises(GatewayError) as refused:
            await authenticator.authenticate(Evidence(JUNK, lambda: "ipv4:10.0.0.7:1", **known))
        found.append(refused.value.reason)
    return found


async def test_callers_over_rest_are_not_put_off_for_each_other(house: House) -> None:
    listening = await house.open(refused_identities_per_minute=2)
    for listener in listening.listeners:
        there = listener.authenticator
        assert set(await reasons(there, 4, forwarded=True)) == {Reason.NOT_AUTHENTICATED}
        good = Evidence(bearer(house.issuer.token()), lambda: "ipv4:10.0.0.7:1", forwarded=True)
        assert (await there.authenticate(good)).name == "jwt:corp:alice"
    direct = listening.listeners[0].authenticator
    assert await reasons(direct, 3) == [Reason.NOT_AUTHENTICATED, Reason.NOT_AUTHENTICATED, Reason.OVERLOADED]


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
