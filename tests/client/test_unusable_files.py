"""Files that TLS cannot be made with: which one it is, and what is wrong with it, is said before anything is tried."""

import asyncio
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from batchjobs.client import Client, CredentialsUnreadable, Security
from batchjobs.client._files import read_bytes
from client.scripted import NAME, batch_job
from client.test_secured import AUTHORITY, OURS, Start, ca, start
from support.authority import Authority

__all__ = ["ca", "start"]  # Fixtures.

CLIENTS = Authority("clients' CA")
HELD, OTHER = CLIENTS.issue(OURS), CLIENTS.issue(OURS)
KEY = load_pem_private_key(HELD.key, None)
DER = Encoding.DER
BROKEN_CERTIFICATE = "holds no certificate as PEM, or a broken one."
BROKEN_KEY = "holds no private key as PEM, or a broken one."


def as_der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(DER)


def put(path: str | Path | None, holds: bytes) -> None:
    """As a program does that renews what a client is reading."""
    assert path is not None
    Path(path).write_bytes(holds)


@pytest.fixture
def security(ca: Path, tmp_path: Path) -> Security:
    """Whose files are right; a test spoils one of them."""
    certificate, key = HELD.write(tmp_path, "client")
    return Security(ca_file=ca, certificate_file=certificate, key_file=key)


@pytest.mark.parametrize(
    ("spoiled", "holds", "says"),
    [
        ("ca_file", b"", "is empty."),
        ("ca_file", b" \n", "is empty."),
        ("ca_file", as_der(AUTHORITY.pem), BROKEN_CERTIFICATE),
        ("ca_file", HELD.key, BROKEN_CERTIFICATE),
        ("ca_file", AUTHORITY.pem[:200], BROKEN_CERTIFICATE),
        ("ca_file", AUTHORITY.pem + CLIENTS.pem[:200], BROKEN_CERTIFICATE),
        ("certificate_file", b"", "is empty."),
        ("certificate_file", as_der(HELD.certificate), BROKEN_CERTIFICATE),
        ("certificate_file", HELD.key, BROKEN_CERTIFICATE),
        ("key_file", b"", BROKEN_KEY),
        ("key_file", HELD.key[:100], BROKEN_KEY),
        ("key_file", HELD.certificate, BROKEN_KEY),
        ("key_file", KEY.private_bytes(DER, PrivateFormat.PKCS8, NoEncryption()), BROKEN_KEY),
        (
            "key_file",
            KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
            "is encrypted with a password, and a key without one is needed.",
        ),
        ("key_file", OTHER.key, "holds another key than that of the certificate in"),
    ],
    ids=itertools.count(),  # What the cases hold is made anew by each process, and is no name for them.
)
async def test_a_file_that_cannot_be_used_is_named_at_once(
    security: Security, tmp_path: Path, spoiled: str, holds: bytes, says: str
) -> None:
    spoiled_file = tmp_path / "spoiled"
    put(spoiled_file, holds)
    with pytest.raises(CredentialsUnreadable) as error:
        async with Client("localhost:1", team="ranking", security=replace(security, **{spoiled: spoiled_file})):
            raise AssertionError("nothing is to be tried")
    assert error.value.message.startswith(f"{spoiled_file} {says}")


async def test_a_bundle_with_remarks_and_a_key_beside_its_certificate_serve(start: Start, tmp_path: Path) -> None:
    gateway = await start(demands=CLIENTS)
    gateway.script["GetBatchJob"] = [batch_job()]
    bundle, both = tmp_path / "bundle.pem", tmp_path / "both.pem"
    put(bundle, "# Zürich\n".encode() + CLIENTS.pem + b"# ours\n" + AUTHORITY.pem)
    put(both, HELD.key + HELD.certificate)
    security = Security(ca_file=bundle, certificate_file=both, key_file=both)
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        await client.get(NAME)


@pytest.mark.parametrize("half_written", ["ca_file", "certificate_file", "key_file"])
async def test_what_worked_serves_on_while_a_file_is_half_written(
    start: Start, security: Security, half_written: str
) -> None:
    """Each call looks anew, and the connection that is open has what the files held before."""
    gateway = await start(demands=CLIENTS)
    gateway.script["GetBatchJob"] = [batch_job()] * 4
    path = getattr(security, half_written)
    whole = read_bytes(path)
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        for holds in (whole, b"", whole[:100], whole):
            put(path, holds)
            await client.get(NAME)
    assert not {*gateway.peers[:3]} & {*gateway.peers[3:]}, "what is whole again has connections of its own"


async def test_a_new_certificate_waits_for_its_key(start: Start, security: Security) -> None:
    gateway = await start(demands=CLIENTS)
    gateway.script["GetBatchJob"] = [batch_job()] * 3
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        await client.get(NAME)
        put(security.certificate_file, OTHER.certificate)
        await client.get(NAME)
        put(security.key_file, OTHER.key)
        await client.get(NAME)
    assert not {*gateway.peers[:2]} & {*gateway.peers[2:]}, "the new pair has connections of its own"


async def test_the_command_says_what_is_wrong_and_grpc_adds_nothing(start: Start, tmp_path: Path) -> None:
    gateway = await start()
    wrong = tmp_path / "ca.crt"
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}

    def told() -> list[str]:
        command = (sys.executable, "-c", "from batchjobs.cli import main; main()", "get", NAME)
        options = ("--endpoint", gateway.endpoint, "--team", "ranking", "--ca-file", str(wrong))
        done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)
        return done.stderr.splitlines()

    put(wrong, b"")
    assert await asyncio.to_thread(told) == [f"{wrong} is empty."]
    put(wrong, CLIENTS.pem)
    first, advice = await asyncio.to_thread(told)
    assert first.startswith(f"The gateway at {gateway.endpoint} did not answer: ")
    assert "does not vouch for the gateway's certificate" in advice
