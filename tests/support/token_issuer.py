"""A token issuer for a test: keys, their JWKS, and tokens of every kind, right and wrong."""

import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "batch-jobs-gateway"
RSA_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
"""Made once: they take long."""


@dataclass
class TokenIssuer:
    """Signs tokens with the key `kid`; `publish` says what its JWKS holds."""

    name: str = "https://login.corp.example"
    kid: str = "key-1"
    algorithm: str = "ES256"
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def with_rsa(cls, **fields: Any) -> "TokenIssuer":
        return cls(algorithm="RS256", key=RSA_KEYS[0], **fields)

    def jwk(self, **more: Any) -> dict[str, Any]:
        """Its public key as it publishes it."""
        kind = RSAAlgorithm if self.algorithm.startswith(("RS", "PS")) else ECAlgorithm
        return {**kind.to_jwk(self.key.public_key(), as_dict=True), "kid": self.kid, "use": "sig", **more}

    def jwks(self, *others: "TokenIssuer") -> bytes:
        return jwks(each.jwk() for each in (self, *others))

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        now = int(time.time())
        good = {"iss": self.name, "aud": AUDIENCE, "sub": "alice", "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token with these claims changed."""
        named = {"kid": self.kid} if headers is None else headers
        return jwt.encode(self.claims(**changes), self.key, algorithm=self.algorithm, headers=named)

    def forged(self, algorithm: str, signature: bytes = b"", **changes: Any) -> str:
        """A token whose header says so, with this signature."""
        return f"{self.unsigned(algorithm, **changes)}.{_segment(signature)}"

    def unsigned(self, algorithm: str, **changes: Any) -> str:
        header = {"alg": algorithm, "typ": "JWT", "kid": self.kid}
        return f"{_segment(json.dumps(header).encode())}.{_segment(json.dumps(self.claims(**changes)).encode())}"


def jwks(keys: Iterable[dict[str, Any]]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
