"""A certificate authority for a test: certificates of every kind, right and wrong, as PEM files."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
HOUR = timedelta(hours=1)


def uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


def dns(value: str) -> x509.GeneralName:
    return x509.DNSName(value)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate, as PEM."""

    key: bytes
    certificate: bytes
    serial: int

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Put them into files; the answer is where the certificate and the key are."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return certificate, key


@dataclass
class Authority:
    """Issues certificates."""

    name: str = "test CA"
    ends: timedelta = 24 * HOUR
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        subject = _name(self.name)
        now = datetime.now(UTC)
        self._certificate = (
            _builder(subject, subject, self._key.public_key(), now - 3 * HOUR, now + self.ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(PEM)

    def issue(
        self,
        *names: x509.GeneralName,
        starts: timedelta = -HOUR,
        ends: timedelta = HOUR,
        holder: str = "holder",
        purpose: x509.ObjectIdentifier | None = None,
    ) -> Pair:
        """A certificate for these subject alternative names, valid from and until so long from now, for a purpose."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        builder = _builder(
            _name(holder), self._certificate.subject, key.public_key(), now + starts, now + ends
        ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if purpose:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Pair(secret, made.public_bytes(PEM), made.serial_number)

    def server(self, **times: timedelta) -> Pair:
        """A certificate for this machine."""
        return self.issue(dns("localhost"), **times)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )
