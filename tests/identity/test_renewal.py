"""Server key, certificate and client CA are renewed on disk, and no connection is lost."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from cryptography import x509
from prometheus_client import generate_latest

from gateway.api.certificates import CertificateError
from gateway.api.tls import LOOK_SECONDS, ServerTls
from identity.house import SPIFFE_ID, Door, House, ranking
from support.authority import HOUR, Authority, dns, uri
from support.token_issuer import bearer


async def serial(house: House, door: Door) -> int:
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cadata=house.authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("localhost", door.served.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


def tls_of(house: House, name: str) -> ServerTls:
    [tls] = [each.tls for each in house.listening.listeners if each.name == name and each.tls]
    return tls


async def look_twice(tls: ServerTls) -> None:
    await tls.run_once()
    await tls.run_once()


def metric(house: House, name: str, listener: str) -> float:
    [line] = [
        line
        for line in generate_latest(house.metrics.registry).decode().splitlines()
        if line.startswith(f'{name}{{listener="{listener}"}}')
    ]
    return float(line.split()[1])


async def test_a_renewed_certificate_is_served_and_open_connections_stay(house: House) -> None:
    async with house.tokens() as door:
        before = await serial(house, door)
        assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"
        renewed = house.authority.server(ends=5 * HOUR)
        house.serve_with(renewed)
        await look_twice(tls_of(house, "tokens"))
        assert before != await serial(house, door) == renewed.serial
        # The channel of the door has one connection, and no server would let it resume another.
        assert await door.who(*bearer(house.issuer.token())) == "jwt:corp:alice"
        expiry = metric(house, "batchjobs_certificate_expiry_timestamp_seconds", "tokens")
        assert abs(expiry - (datetime.now(UTC) + 5 * HOUR).timestamp()) < 60


async def test_the_background_looks_for_itself(house: House) -> None:
    async with house.tokens() as door:
        running = asyncio.create_task(tls_of(house, "tokens").run())
        renewed = house.authority.server()
        house.serve_with(renewed)
        for _ in range(3):
            await house.clock.until_sleeping()
            house.clock.advance(LOOK_SECONDS)
        await house.clock.until_sleeping()
        assert await serial(house, door) == renewed.serial
        running.cancel()


async def test_one_look_is_not_enough_as_files_are_not_written_all_at_once(house: House) -> None:
    async with house.tokens() as door:
        before = await serial(house, door)
        house.serve_with(house.authority.server())
        await tls_of(house, "tokens").run_once()
        assert await serial(house, door) == before


@pytest.mark.parametrize("broken", ["mismatch", "garbage", "missing", "expired"])
async def test_what_cannot_be_served_changes_nothing_and_is_told_once(house: House, broken: str) -> None:
    async with house.tokens() as door:
        before = await serial(house, door)
        match broken:
            case "mismatch":
                (house.folder / "tls.key").write_bytes(house.authority.server().key)
            case "garbage":
                (house.folder / "tls.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB")
            case "missing":
                (house.folder / "tls.crt").unlink()
            case "expired":
                house.serve_with(house.authority.server(starts=-2 * HOUR, ends=-HOUR))
        with structlog.testing.capture_logs() as logs:
            await look_twice(tls_of(house, "tokens"))
            await look_twice(tls_of(house, "tokens"))
        assert [line["event"] for line in logs] == ["certificate refused"]
        assert str(house.folder / "tls") in logs[0]["error"]
        assert await serial(house, door) == before
        assert metric(house, "batchjobs_certificate_last_reload_successful", "tokens") == 0
        house.serve_with(house.authority.server())
        await look_twice(tls_of(house, "tokens"))
        assert metric(house, "batchjobs_certificate_last_reload_successful", "tokens") == 1


async def test_a_client_ca_is_exchanged_by_way_of_both(house: House) -> None:
    other = Authority("next CA")
    async with house.mtls() as door:
        old = await door.connect(ranking(house.authority))
        await door.who(channel=old)
        (house.folder / "ca.crt").write_bytes(house.authority.pem + other.pem)
        await look_twice(tls_of(house, "mtls"))
        new = await door.connect(other.issue(uri(SPIFFE_ID)))
        assert await door.who(channel=new) == f"mtls:{SPIFFE_ID}"
        assert await door.who(channel=await door.connect(ranking(house.authority))) == f"mtls:{SPIFFE_ID}"
        (house.folder / "ca.crt").write_bytes(other.pem)
        await look_twice(tls_of(house, "mtls"))
        refusal = await door.refused(channel=await door.connect(ranking(house.authority)))
        assert refusal.code == "UNAVAILABLE"
        assert await door.who(channel=old) == f"mtls:{SPIFFE_ID}", "open connections stay"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("tls.crt", None, "cannot be read: No such file or directory"),
        ("tls.key", None, "cannot be read: No such file or directory"),
        ("ca.crt", None, "cannot be read: No such file or directory"),
        ("tls.crt", b"", "holds no certificate in PEM"),
        ("tls.key", b"secret", "holds no private key in PEM"),
        ("ca.crt", b"secret", "holds no certificate in PEM"),
        ("tls.crt", b"x" * (2 << 20), "is larger than"),
    ],
)
async def test_a_file_that_holds_no_such_thing_stops_the_start(
    house: House, file: str, content: bytes | None, says: str
) -> None:
    path = house.folder / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(CertificateError) as error:
        await house.open()
    assert f"{path} {says}" in str(error.value)
    assert "secret" not in str(error.value)


async def test_a_key_of_another_certificate_stops_the_start(house: House) -> None:
    (house.folder / "tls.key").write_bytes(house.authority.server().key)
    with pytest.raises(CertificateError, match=r"tls\.key is not the key of the certificate in .*tls\.crt"):
        await house.open()


async def test_a_certificate_of_an_issuer_whose_clock_is_a_little_ahead_is_taken(house: House) -> None:
    house.serve_with(house.authority.server(starts=timedelta(seconds=40), ends=HOUR))
    await house.open()


async def test_a_key_under_a_password_stops_the_start(house: House) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    (house.folder / "tls.key").write_bytes(locked)
    with pytest.raises(CertificateError, match="under a password"):
        await house.open()


async def test_certificates_that_do_not_hold_now_stop_the_start(house: House) -> None:
    house.serve_with(house.authority.server(starts=-2 * HOUR, ends=-HOUR))
    with pytest.raises(CertificateError, match=r"tls\.crt expired at .* UTC: renew it"):
        await house.open()
    house.serve_with(house.authority.server(starts=HOUR, ends=2 * HOUR))
    with pytest.raises(CertificateError, match="is the clock right"):
        await house.open()
    house.serve_with(house.authority.server())
    old = Authority("old", ends=-HOUR)
    (house.folder / "ca.crt").write_bytes(old.pem)
    with pytest.raises(CertificateError, match=r"every CA in .* has expired"):
        await house.open()
    (house.folder / "ca.crt").write_bytes(old.pem + house.authority.pem)
    await house.open()


async def test_a_ca_file_without_a_ca_stops_the_start(house: House) -> None:
    (house.folder / "ca.crt").write_bytes(house.authority.issue(dns("nobody")).certificate)
    with pytest.raises(CertificateError, match="holds no certificate of a CA"):
        await house.open()
