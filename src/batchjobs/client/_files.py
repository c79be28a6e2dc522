"""The files that prove a caller, read and judged: gRPC would go on trying with those that it cannot use."""

import ssl
from pathlib import Path
from typing import Final

import grpc

from batchjobs.client._errors import CredentialsUnreadable
from batchjobs.client._failure import Failure

_GONE: Final = (0, 0, 0)


def stamp_of(path: str | Path) -> tuple[int, int, int]:
    """What changes when the file does."""
    try:
        found = Path(path).stat()
    except OSError:
        return _GONE
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def read_bytes(path: str | Path) -> bytes:
    """What the file holds; raises CredentialsUnreadable."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unreadable(f"{path} cannot be read: {error.strerror}.") from error


def read_certificates(path: str | Path) -> bytes:
    """What a file of certificates holds; raises CredentialsUnreadable where that is none."""
    content = read_bytes(path)
    # Remarks between the certificates may be in any language, and are not read.
    text = content.decode("ascii", errors="ignore").strip()
    if not text:
        raise unreadable(f"{path} is empty.")
    try:
        _context().load_verify_locations(cadata=text)
    except ssl.SSLError as error:
        raise unreadable(f"{path} holds no certificate as PEM, or a broken one.") from error
    return content


def read_pair(certificate: str | Path, key: str | Path) -> tuple[bytes, bytes]:
    """What the two files hold; raises CredentialsUnreadable where one cannot prove what the other says."""
    shown, secret = read_certificates(certificate), read_bytes(key)
    try:
        _context().load_cert_chain(certificate, key, password=_without_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise unreadable(f"{key} holds another key than that of the certificate in {certificate}.") from error
        raise unreadable(f"{key} holds no private key as PEM, or a broken one.") from error
    except OSError as error:
        # Read a second time, a moment later, for the standard library takes a key from a file alone.
        raise unreadable(f"{certificate} or {key} cannot be read: {error.strerror}.") from error
    except _EncryptedError as error:
        raise unreadable(f"{key} is encrypted with a password, and a key without one is needed.") from error
    return shown, secret


def unreadable(message: str) -> CredentialsUnreadable:
    """The error of a caller that cannot show who it is; nothing was sent."""
    return CredentialsUnreadable(Failure(grpc.StatusCode.UNAUTHENTICATED, message))


class _EncryptedError(Exception):
    """OpenSSL has asked for a password."""


def _without_password() -> str:
    """Stands where OpenSSL would ask at the terminal."""
    raise _EncryptedError


def _context() -> ssl.SSLContext:
    """Judges the form alone: which sizes and hashes are good enough, gRPC and the other side decide."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
