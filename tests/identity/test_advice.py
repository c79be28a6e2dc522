"""Refusals say what to send by the issuers that the gateway trusts, and by no others."""

from typing import Any

import pytest

from gateway.identity.advice import Advice
from gateway.identity.issuers import Issuer

CORP = "https://login.corp.example"


def issuer(name: str = CORP, *audiences: str) -> Issuer:
    known: Any = {"issuer": name, "audiences": audiences or ("batches",), "jwks_file": "keys.json"}
    return Issuer(**known)


@pytest.mark.parametrize(
    ("issuers", "wanted"),
    [
        ([issuer()], f"{CORP} for the audience batches"),
        ([issuer(CORP, "a", "b")], f"{CORP} for the audience a, or b"),
        ([issuer(CORP, *"abcde")], f"{CORP} for the audience a, or b, or c, or one of 2 other audiences"),
        ([issuer(), issuer()], f"{CORP} for the audience batches"),
        ([issuer("https://a"), issuer("https://b")], "https://a for the audience batches, or https://b for the au"),
        ([issuer(f"https://{each}") for each in "abcde"], "https://c for the audience batches, or one of 2 other issu"),
    ],
)
def test_the_issuers_and_their_audiences_are_named(issuers: list[Issuer], wanted: str) -> None:
    said = Advice(issuers).token
    assert said.startswith("Send `authorization: Bearer TOKEN` with a JWT of https://")
    assert wanted in said


@pytest.mark.parametrize("name", ["https://accounts.google.com", "accounts.google.com"])
def test_gcloud_is_named_with_the_audience_where_google_is_trusted(name: str) -> None:
    advice = Advice([issuer(), issuer(name, "gateway-a", "gateway-b")])
    assert "`gcloud auth print-identity-token --audiences=gateway-a`" in advice.google
    assert "gcloud" not in advice.token


def test_gcloud_is_not_named_where_its_tokens_would_be_refused() -> None:
    advice = Advice([issuer(), issuer("https://accounts.google.com.evil.example")])
    assert advice.google == advice.token
    assert "gcloud" not in advice.token
