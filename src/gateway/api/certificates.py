"""The server's key and certificate and the CA of its clients: read from files and judged before they are used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.settings import SettingsError

MAX_BYTES: Final = 1 << 20
CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""So much may the clock of whoever issued a certificate a moment ago be ahead of ours."""


class CertificateError(SettingsError):
    """A key or certificate cannot be used; the message names the file and what is wrong, and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the PEM files are; without `client_ca` nobody is asked for a client certificate."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def read(self) -> "TlsContent":
        """What the files hold now. It blocks; raises CertificateError."""
        return TlsContent(
            _read(self.certificate), _read(self.key), None if self.client_ca is None else _read(self.client_ca)
        )


@dataclass(frozen=True, slots=True, repr=False)
class TlsContent:
    """The bytes of the files."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What was judged and may be served with, and when the first of its own certificates expires."""

    content: TlsContent
    expires: datetime


def judge(content: TlsContent, files: TlsFiles, now: datetime) -> TlsMaterial:
    """The material, where certificate and key are a pair that is valid now.

    Raises:
        CertificateError: they are not, or a file does not hold what it should.

    """
    chain = _certificates(content.certificate, files.certificate)
    if chain[0].public_key() != _public_key(content.key, files.key):
        raise CertificateError(
            f"{files.key} is not the key of the certificate in {files.certificate}: give both of one issue, the "
            "server's own certificate first in its file."
        )
    for each in chain:
        _check_times(each, files.certificate, now)
    if content.client_ca is not None and files.client_ca is not None:
        _check_authorities(_certificates(content.client_ca, files.client_ca), files.client_ca, now)
    return TlsMaterial(content, min(each.not_valid_after_utc for each in chain))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise CertificateError(f"{path} is larger than {MAX_BYTES} bytes")
    return content


def _certificates(content: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise CertificateError(f"{path} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from error


def _public_key(content: bytes, path: Path) -> PublicKeyTypes:
    try:
        return serialization.load_pem_private_key(content, password=None).public_key()
    except TypeError as error:
        raise CertificateError(f"{path} holds a key under a password: give one without") from error
    except ValueError as error:
        raise CertificateError(f"{path} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)") from error


def _check_times(certificate: x509.Certificate, path: Path, now: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= last:
        raise CertificateError(f"a certificate in {path} expired at {last:%F %T} UTC: renew it")
    if now + CLOCKS_DIFFER < first:
        raise CertificateError(f"a certificate in {path} is not valid before {first:%F %T} UTC: is the clock right?")


def _may_sign(certificate: x509.Certificate) -> bool:
    """Whether it is a CA's. Where it says nothing about that, it is where it has signed itself."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.issuer == certificate.subject


def _check_authorities(certificates: Iterable[x509.Certificate], path: Path, now: datetime) -> None:
    """One that still holds is enough: an old CA stays in the file while what it signed is replaced."""
    authorities = [each for each in certificates if _may_sign(each)]
    if not authorities:
        raise CertificateError(f"{path} holds no certificate of a CA: no client could connect")
    last = max(each.not_valid_after_utc for each in authorities)
    if now >= last:
        raise CertificateError(f"every CA in {path} has expired, the last at {last:%F %T} UTC: no client could connect")
