"""TLS: what proves the caller goes over it, and the development header does not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from batchjobs.client import Client, Unavailable
from batchjobs.v1 import batch_jobs_pb2_grpc
from client.scripted import NAME, Gateway, batch_job


def self_signed() -> tuple[bytes, bytes]:
    """A key and a certificate for localhost, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret, certificate.public_bytes(pem)


KEY, CERTIFICATE = self_signed()


@pytest.fixture
async def secured() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    gateway.server = grpc.aio.server()
    batch_jobs_pb2_grpc.add_BatchJobsServicer_to_server(gateway, gateway.server)
    port = gateway.server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(KEY, CERTIFICATE)]))
    gateway.endpoint = f"localhost:{port}"
    await gateway.server.start()
    yield gateway
    await gateway.stop()


async def test_a_bearer_token_goes_over_tls_and_the_development_header_does_not(secured: Gateway) -> None:
    secured.script["GetBatchJob"] = [batch_job()]
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(CERTIFICATE), grpc.access_token_call_credentials("a-token")
    )
    async with Client(secured.endpoint, team="ranking", credentials=credentials) as client:
        await client.get(NAME)
    ((_, _, metadata),) = secured.asked
    assert metadata["authorization"] == "Bearer a-token"
    assert "x-batchjobs-team" not in metadata


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(secured: Gateway) -> None:
    credentials = grpc.ssl_channel_credentials()
    async with Client(secured.endpoint, team="ranking", credentials=credentials, timeout=0.2) as client:
        with pytest.raises(Unavailable):
            await client.get(NAME)
    assert secured.asked == []
