"""Google's clients obey the proxies and certificates of the environment, and read them once."""

from typing import Any

import pytest
from google.cloud import bigquery, storage
from requests import sessions

from gateway.cloud.blocking import build_client

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
