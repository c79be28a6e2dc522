"""Whoever can open a connection to `gateway serve` writes nothing into its log but JSON."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from cli.test_commands import ENVIRONMENT, Program, policy, serve
from identity.house import House
from support.authority import Authority, uri

__all__ = ["policy"]  # A fixture.

SECURED = ("tls_certificate", "tls_key", "tls_client_ca", "issuers")


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    return House(tmp_path / "house")


async def said_to(target: str, says: bytes, context: ssl.SSLContext | None = None) -> None:
    """Connect, say it, and listen until the other end hangs up."""
    host, _, port = target.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        writer.write(says)
        await reader.read()
        writer.close()
    except (ssl.SSLError, ConnectionError):
        pass  # It did: that is what is asked for.


def showing(house: House, folder: Path, *issuers: Authority) -> ssl.SSLContext:
    """A caller that trusts the gateway and shows a certificate of another CA, or none."""
    context = ssl.create_default_context(cadata=house.authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    for issuer in issuers:
        context.load_cert_chain(*issuer.issue(uri("spiffe://elsewhere.example/x")).write(folder, "stranger"))
    return context


async def test_a_failed_handshake_leaves_no_line_that_is_not_json(
    policy: Path, database_url: str, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ENVIRONMENT, "GRPC_VERBOSITY", raising=False)
    files = [f"--{name.replace('_', '-')}={getattr(house.settings(), name)}" for name in SECURED]
    listeners = ("--no-insecure", "--api-listen=localhost:0", "--mtls-listen=localhost:0")
    program = await Program.start(*serve(policy, database_url, "--role=api", *listeners, *files))
    serving = json.loads(await program.line('"serving"'))
    for target in (serving["api"], serving["mtls"]):
        await said_to(target, b"GET / HTTP/1.1\r\n\r\n")
        await said_to(target, b"\x16\x03\x01\x00\x05hello")
        old = showing(house, tmp_path)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("AES128-SHA")
        await said_to(target, b"", old)
        await said_to(target, b"", ssl.create_default_context())
    for shown in ((), (Authority("another CA"),), (Authority(),)):
        await said_to(serving["mtls"], b"", showing(house, tmp_path, *shown))
    program.process.terminate()
    output, errors = await program.process.communicate()
    for line in (output + errors).splitlines():
        json.loads(line)
