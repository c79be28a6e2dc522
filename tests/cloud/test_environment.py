"""Proxies and certificates of the environment hold for Google's clients, which read them once, and for what is asked on
the event loop instead.
"""

import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery, storage
from requests import sessions

from gateway.cloud.blocking import build_client
from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.lookups import UnavailableError
from gateway.cloud.storage import StoragePlaces
from support.authority import Authority
from support.scripted_http import ScriptedHttp, scripted_http

CLIENTS = [storage.Client, bigquery.Client]
ENDPOINT = "http://storage.example:1234"


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of proxies and certificates."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("kind", CLIENTS)
def test_proxies_and_certificates_of_the_environment_hold(kind: Any, clean: pytest.MonkeyPatch) -> None:
    clean.setenv("HTTP_PROXY", "http://proxy.example:3128")
    clean.setenv("REQUESTS_CA_BUNDLE", "/etc/our-roots.pem")
    session = build_client(kind, ENDPOINT, "")._http
    assert session.proxies["http"] == "http://proxy.example:3128"
    assert session.verify == "/etc/our-roots.pem"


@pytest.mark.parametrize("kind", CLIENTS)
def test_hosts_that_need_no_proxy_get_none(kind: Any, clean: pytest.MonkeyPatch) -> None:
    clean.setenv("HTTP_PROXY", "http://proxy.example:3128")
    clean.setenv("NO_PROXY", "storage.example")
    session = build_client(kind, ENDPOINT, "")._http
    assert not session.proxies
    assert session.verify is True


def test_the_environment_is_not_read_again_at_every_request(clean: pytest.MonkeyPatch) -> None:
    client, read = build_client(storage.Client, ENDPOINT, ""), []
    clean.setattr(sessions, "get_environ_proxies", lambda *_args, **_named: read.append("read") or {})
    client._http.merge_environment_settings(ENDPOINT, {}, None, None, None)
    assert not read


class Uncounted:
    def location_lookup(self, kind: str, result: str) -> None: ...


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def secured(authority: Authority, tmp_path: Path) -> AsyncIterator[ScriptedHttp]:
    """A service whose certificate is from that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.server().write(tmp_path, "storage"))
    async with scripted_http("localhost", context) as running:
        yield running


async def size_at(url: str) -> int:
    places = StoragePlaces(LookupOptions(url, deadline=timedelta(seconds=2)), Uncounted())
    try:
        return await places.object_size("gs://team-in/rows.jsonl")
    finally:
        await places.close()


async def test_a_size_is_asked_for_by_way_of_the_proxy(clean: pytest.MonkeyPatch) -> None:
    async with scripted_http() as proxy:
        clean.setenv("HTTP_PROXY", proxy.url)
        assert await size_at(ENDPOINT) == 16
    assert proxy.header("Host") == ["storage.example:1234"]


async def test_a_size_is_asked_for_directly_where_no_proxy_is_wanted(clean: pytest.MonkeyPatch) -> None:
    async with scripted_http() as proxy, scripted_http() as service:
        clean.setenv("HTTP_PROXY", proxy.url)
        clean.setenv("NO_PROXY", "127.0.0.1")
        assert await size_at(service.url) == 16
    assert not proxy.seen


async def test_the_authorities_that_the_environment_names_are_trusted(
    clean: pytest.MonkeyPatch, secured: ScriptedHttp, authority: Authority, tmp_path: Path
) -> None:
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(authority.pem)
    clean.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert await size_at(secured.url) == 16


async def test_no_other_authority_is_trusted(clean: pytest.MonkeyPatch, secured: ScriptedHttp) -> None:
    with pytest.raises(UnavailableError):
        await size_at(secured.url)
    assert not secured.seen


async def test_authorities_that_cannot_be_read_are_told(clean: pytest.MonkeyPatch, secured: ScriptedHttp) -> None:
    clean.setenv("REQUESTS_CA_BUNDLE", "/none.pem")
    with pytest.raises(UnavailableError):
        await size_at(secured.url)
