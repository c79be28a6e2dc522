"""A proxy that is trusted calls in anybody's name: a setting that would trust everybody, or nobody, does not start."""

import pytest
from click.testing import CliRunner

from cli.test_settings import PROXY, SECURED, refused
from gateway.cli.serve import serve
from gateway.settings import Settings

VARIABLE = "GATEWAY_TRUSTED_PROXIES"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("***", "three or more *"),
        ("mtls:spiffe://corp.example/***", "three or more *"),
        ("*", "only by its client certificate"),
        ("**", "only by its client certificate"),
        ("spiffe://corp.example/ns/edge/sa/envoy", "only by its client certificate"),
        ("jwt:corp:envoy", "only by its client certificate"),
        ("dev:envoy", "only by its client certificate"),
        ("mtls:**", "the trust domain is spelt out"),
        ("mtls:*", "the trust domain is spelt out"),
        ("mtls:spiffe:**", "the trust domain is spelt out"),
        ("mtls:spiffe://*/ns/edge/sa/envoy", "the trust domain is spelt out"),
        ("mtls:spiffe://*.example/ns/edge/sa/envoy", "the trust domain is spelt out"),
        ("mtls:spiffe://**", "the trust domain is spelt out"),
        ("mtls:", "no SPIFFE id"),
        ("mtls:https://corp.example/envoy", "no SPIFFE id"),
        ("mtls:spiffe://Corp.example/envoy", "no SPIFFE id"),
        ("mtls:spiffe://corp.example/", "no SPIFFE id"),
        ("mtls:spiffe://corp.example/ns/../envoy", "no SPIFFE id"),
        ("mtls-dns:", "no DNS name"),
        ("mtls-dns:Envoy.corp.example", "no DNS name"),
        ("mtls-dns:*", "a domain of two parts"),
        ("mtls-dns:**", "a domain of two parts"),
        ("mtls-dns:*.*", "a domain of two parts"),
        ("mtls-dns:*.example", "a domain of two parts"),
        ("mtls-dns:*corp.example", "a domain of two parts"),
    ],
)
def test_an_entry_that_names_no_proxy_or_everybody_is_refused_with_what_to_write(entry: str, says: str) -> None:
    [line] = refused({VARIABLE: f"{PROXY},{entry}", "GATEWAY_MTLS_DNS_NAMES": "true"}, SECURED).splitlines()
    assert line.startswith(f"{VARIABLE} (--trusted-proxies): {entry}: ")
    assert says in line
    assert "such as mtls:spiffe://corp.example/ns/edge/sa/envoy or mtls-dns:envoy.corp.example" in line


@pytest.mark.parametrize(
    "entry",
    [
        PROXY,
        "mtls:spiffe://edge.example",
        "mtls:spiffe://corp.example/ns/edge/sa/*",
        "mtls:spiffe://corp.example/**/envoy",
        "mtls-dns:envoy.corp.example",
        "mtls-dns:envoy",
        "mtls-dns:*.edge.corp.example",
        "mtls-dns:envoy-*.corp.example",
    ],
)
def test_proxies_are_named_by_what_their_certificate_proves(entry: str) -> None:
    settings = Settings.read({**SECURED, VARIABLE: entry, "GATEWAY_MTLS_DNS_NAMES": "true"})
    assert settings.trusted_proxies == (entry,)


def test_a_dns_name_is_refused_where_certificates_do_not_count_by_theirs() -> None:
    [line] = refused({VARIABLE: "mtls-dns:envoy.corp.example"}, SECURED).splitlines()
    assert line.startswith(VARIABLE)
    assert "mtls-dns:envoy.corp.example: nobody is known by that name without mtls_dns_names" in line


def test_every_wrong_entry_is_named_beside_all_else_that_is_wrong() -> None:
    ran = CliRunner().invoke(serve, env={**SECURED, VARIABLE: f"***,{PROXY},mtls:**", "GATEWAY_LEASE": "soon"})
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    proxies, lease = (next(each for each in ran.output.splitlines() if word in each) for word in (VARIABLE, "LEASE"))
    assert "***: three" in proxies
    assert "mtls:**: the trust domain" in proxies
    assert lease
