"""Names out of certificates, headers and addresses: pure rules, over generated text."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Reason
from gateway.identity.forwarded import forwarded_principal
from gateway.identity.names import is_dns_name, is_spiffe_id
from gateway.identity.principal import Principal
from gateway.identity.refusal import shown
from gateway.identity.throttle import MAX_PEERS, Throttle, network_of
from gateway.identity.verified import Verified, VerifiedTokens
from support.clock import DrivenClock

SEGMENT = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True).filter(lambda text: text not in {".", ".."})
SPIFFE = st.builds(
    lambda domain, path: "/".join([f"spiffe://{domain}", *path]),
    st.from_regex(r"[a-z0-9_-][a-z0-9._-]{0,40}", fullmatch=True),
    st.lists(SEGMENT, max_size=6),
)


@given(SPIFFE)
def test_every_well_formed_spiffe_id_is_one(uri: str) -> None:
    assert is_spiffe_id(uri)
    assert forwarded_principal([f"Hash=0;URI={uri}"]).name == f"mtls:{uri}"


@given(SPIFFE, st.text(alphabet="%?#:@\\ \n\t\0*\"';,ä\u200b", min_size=1, max_size=3), st.integers(0, 80))
def test_no_other_character_gets_into_one(uri: str, odd: str, at: int) -> None:
    at = min(at, len(uri))
    assert not is_spiffe_id(uri[:at] + odd + uri[at:])


@pytest.mark.parametrize(
    "uri", ["", "spiffe://", "spiffe:///a", "SPIFFE://a/b", "spiffe://a//b", "spiffe://a/" + "b" * 512]
)
def test_what_is_none(uri: str) -> None:
    assert not is_spiffe_id(uri)


@given(st.text(max_size=60))
def test_a_dns_name_has_no_odd_characters(text: str) -> None:
    assert not is_dns_name(text) or set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._")


@given(st.text(max_size=200))
def test_any_header_is_judged_calmly(header: str) -> None:
    try:
        name = forwarded_principal([header]).name
    except GatewayError:
        return
    assert is_spiffe_id(name.removeprefix("mtls:"))


@given(st.text(max_size=500) | st.integers() | st.lists(st.integers()))
def test_what_is_shown_of_a_value_is_one_short_line(value: object) -> None:
    text = shown(value)
    assert text.isprintable() or text.isascii()
    assert "\n" not in text
    assert len(text) <= 121


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:10.0.0.7:51234", "10.0.0.7"),
        ("ipv6:%5B::1%5D:52240", "0000:0000:0000:0000"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:1", "2001:0db8:0001:0002"),
        ("ipv6:%5Bfe80::1%25eth0%5D:1", "fe80:0000:0000:0000"),
        ("ipv6:[::ffff:10.0.0.7]:1", "10.0.0.7"),
        ("unix:/run/gateway.sock", "unix"),
        ("odd", "odd"),
    ],
)
def test_a_peer_is_known_by_its_network(peer: str, network: str) -> None:
    assert network_of(peer) == network


def test_one_peer_that_is_put_off_puts_off_no_other() -> None:
    throttle = Throttle(DrivenClock(), 3)
    for port in range(3):
        with throttle.judging("ipv4:10.0.0.7:1"):
            throttle.refused(f"ipv4:10.0.0.7:{port}")
    with pytest.raises(GatewayError) as refused, throttle.judging("ipv4:10.0.0.7:99"):
        pass
    assert refused.value.retry_after == timedelta(seconds=20)
    with throttle.judging("ipv4:10.0.0.8:1"):
        pass


def test_no_peer_has_more_judged_at_a_time_than_may_be_refused() -> None:
    throttle = Throttle(DrivenClock(), 2)
    with throttle.judging("ipv4:10.0.0.7:1"), throttle.judging("ipv4:10.0.0.7:2"):
        with pytest.raises(GatewayError) as refused, throttle.judging("ipv4:10.0.0.7:3"):
            pass
        assert refused.value.reason is Reason.OVERLOADED
        with throttle.judging("ipv4:10.0.0.8:1"):
            pass
    with throttle.judging("ipv4:10.0.0.7:3"):
        pass
    assert not throttle._judged


def test_peers_are_remembered_boundedly() -> None:
    throttle = Throttle(DrivenClock(), 1)
    for number in range(MAX_PEERS + 10):
        throttle.refused(f"ipv4:10.{number >> 16}.{number >> 8 & 255}.{number & 255}:1")
    assert len(throttle._used) == MAX_PEERS
    with throttle.judging("ipv4:10.0.0.0:1"):
        pass


def test_verified_tokens_are_kept_boundedly_and_the_unused_go_first() -> None:
    clock = DrivenClock()
    kept = VerifiedTokens(clock, most=3)
    alice = Verified(Principal("jwt:corp:alice"), clock.now().timestamp() + 60)
    for token in ("a", "b", "c"):
        kept.keep(token, alice)
    assert kept.principal_of("a") == alice.principal
    kept.keep("d", alice)
    assert kept.principal_of("b") is None
    assert kept.principal_of("a") == alice.principal
    assert len(kept) == 3
