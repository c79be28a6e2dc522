"""What `gateway dev --tls` makes for trying TLS: a CA, certificates, a token issuer and a token, for each team."""

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm

LIFE: Final = timedelta(days=1)
ISSUER: Final = "https://issuer.dev.local"
AUDIENCE: Final = "batch-jobs-gateway"
ALIAS: Final = "dev"
OPERATOR: Final = "operator"
_PEM: Final = serialization.Encoding.PEM
_KEY_ID: Final = "dev-1"


@dataclass(frozen=True, slots=True)
class DevIdentity:
    """Where the files are; those of a team are called after it, `ranking.crt`, `ranking.key` and `ranking.token`."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def settings(self) -> Mapping[str, Any]:
        """The settings of a gateway that goes by these files."""
        return {
            "tls_certificate": self.folder / "gateway.crt",
            "tls_key": self.folder / "gateway.key",
            "tls_client_ca": self.ca,
            "issuers": self.folder / "issuers.yaml",
        }


def certificate_principal(team: str) -> str:
    """Who the holder of a team's certificate is."""
    return f"mtls:{_spiffe_id(team)}"


def token_principal(name: str) -> str:
    """Who the bearer of a token is: a team's, or the operator's."""
    return f"jwt:{ALIAS}:{name}"


def make_identity(folder: Path, teams: Iterable[str]) -> DevIdentity:
    """Write everything into the folder, anew. The CA's own key is kept nowhere. It blocks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _Authority(folder)
    authority.certify("gateway", [x509.DNSName("localhost"), _address("127.0.0.1"), _address("::1")])
    key = ec.generate_private_key(ec.SECP256R1())
    published = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": _KEY_ID, "use": "sig"}
    _write(folder / "jwks.json", json.dumps({"keys": [published]}).encode())
    issuer = {"issuer": ISSUER, "audiences": AUDIENCE, "jwks_file": str(folder / "jwks.json")}
    _write(folder / "issuers.yaml", yaml.safe_dump({"issuers": {ALIAS: issuer}}).encode())
    names = tuple(teams)
    for team in names:
        authority.certify(team, [x509.UniformResourceIdentifier(_spiffe_id(team))])
    for name in (*names, OPERATOR):
        _write(folder / f"{name}.token", _token(key, name).encode())
    return DevIdentity(folder)


def _spiffe_id(team: str) -> str:
    return f"spiffe://dev.local/ns/{team}/sa/batch"


def _address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def _token(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    now = datetime.now(UTC)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "exp": now + LIFE}
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": _KEY_ID})


class _Authority:
    """A CA that lives as long as this object does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name("gateway dev CA")
        certificate = self._sign(self._name, self._key.public_key(), [], ca=True)
        _write(folder / "ca.crt", certificate.public_bytes(_PEM))

    def certify(self, name: str, names: list[x509.GeneralName]) -> None:
        """Write `NAME.crt` and `NAME.key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_common_name(name), key.public_key(), names, ca=False)
        _write(self._folder / f"{name}.crt", certificate.public_bytes(_PEM))
        secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(self._folder / f"{name}.key", secret)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, names: list[x509.GeneralName], *, ca: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + LIFE)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, content: bytes) -> None:
    """Replace the file at once, for its owner alone to read."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(new, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    new.replace(path)
