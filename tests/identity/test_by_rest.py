"""A caller over REST is told what can be done there: a proxy stands between, so no client certificate counts."""

import pytest

from gateway.errors import GatewayError
from gateway.identity.principal import Evidence
from identity.house import House


async def refusals(house: House, *, forwarded: bool, **settings: object) -> set[tuple[str, str]]:
    """How the listeners refuse a call without a token: the cause and the message of each."""
    found = set()
    for listener in (await house.open(**settings)).listeners:
        with pytest.raises(GatewayError) as refused:
            await listener.authenticator.authenticate(Evidence((), forwarded=forwarded))
        found.add((refused.value.metadata["cause"], refused.value.message))
    return found


async def test_without_a_token_the_issuers_are_named_and_no_certificate(house: House) -> None:
    [(cause, message)] = await refusals(house, forwarded=True)
    assert cause == "NO_CREDENTIALS"
    assert "Send `authorization: Bearer TOKEN` with a JWT of https://" in message
    assert "certificate" not in message
    [(_, direct)] = await refusals(house, forwarded=False, mtls_listen="", tls_client_ca="")
    assert "A client certificate counts at the listener of `mtls_listen` alone" in direct


async def test_where_no_tokens_are_taken_nobody_is_sent_back_to_a_certificate_over_rest(house: House) -> None:
    [(cause, message)] = await refusals(house, forwarded=True, api_listen="", issuers=None)
    assert cause == "NO_TOKENS_HERE"
    assert "over REST nothing else says who calls" in message
    assert "GATEWAY_ISSUERS" in message
