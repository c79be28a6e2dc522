"""Reads a JWKS, from a file or over HTTPS. Everything here blocks, and is called in a thread."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from gateway.identity.issuers import Issuer
from gateway.identity.key_source import FetchError

FETCH_SECONDS: Final = 5.0
"""For the connection, and again for all that comes over it."""
MAX_BYTES: Final = 1 << 20
"""More than a thousand keys; an answer that is longer is none."""


def reader_of(issuer: Issuer) -> Callable[[], bytes]:
    """What reads the issuer's keys; it raises FetchError."""
    if issuer.jwks_file is not None:
        file = issuer.jwks_file
        return lambda: _limited(read_file(file), str(file))
    return lambda: _fetch(issuer)


def read_file(path: Path) -> bytes:
    """The file's bytes; raises FetchError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FetchError(f"{path} cannot be read: {error.strerror}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from where the issuers file says, and the token for fetching them goes nowhere else."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


class _TimedSocket(ssl.SSLSocket):
    """The time is for the whole answer. A timeout of each read alone would let a server that sends a byte now and then
    hold its reader for days.
    """

    _ends = float("inf")

    def do_handshake(self, block: bool = False) -> None:
        self._ends = time.monotonic() + FETCH_SECONDS
        super().do_handshake(block)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        return super().recv_into(buffer, nbytes, flags)


def _fetch(issuer: Issuer) -> bytes:
    url = issuer.jwks_url or ""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - https alone, by the model
    if issuer.bearer_file is not None:
        token = read_file(issuer.bearer_file).decode(errors="replace").strip()
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_trust(issuer.ca_file)), _NoRedirect)
    try:
        with opener.open(request, timeout=FETCH_SECONDS) as answer:
            return _limited(answer.read(MAX_BYTES + 1), url)
    except urllib.error.HTTPError as error:
        raise FetchError(f"{url} answered {error.code}") from error
    except urllib.error.URLError as error:
        raise FetchError(f"{url} cannot be reached: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"{url} cannot be reached: {type(error).__name__}") from error


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise FetchError(f"{ca_file} is no file of CA certificates in PEM: {error.strerror or error}") from error
    context.sslsocket_class = _TimedSocket
    return context


def _limited(content: bytes, source: str) -> bytes:
    if len(content) > MAX_BYTES:
        raise FetchError(f"{source} holds more than {MAX_BYTES} bytes")
    return content
