"""What a caller proves itself by, and whom it trusts: files that are read again when they change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from batchjobs.client._errors import CredentialsUnreadable
from batchjobs.client._failure import Failure

Stamp = tuple[tuple[int, int, int], ...]
"""By what a change of files is noticed: of each its inode, its time and its size."""

_GONE: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Security:
    """How to connect over TLS and prove who calls. Every file is PEM or text, and is read again when it changes.

    Args:
        ca_file: who vouches for the gateway; left out: whom gRPC trusts.
        certificate_file: the caller's certificate and its chain, for a listener that demands one.
        key_file: the certificate's private key.
        token_file: a file with a JWT, such as a Kubernetes projected service account token.
        token_command: a program and its arguments that print a JWT; run again shortly before it expires.

    Raises:
        ValueError: a certificate without its key or the reverse, or both a token file and a command.
    """

    ca_file: str | Path | None = None
    certificate_file: str | Path | None = None
    key_file: str | Path | None = None
    token_file: str | Path | None = None
    token_command: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("A certificate and its key belong together: give both certificate_file and key_file.")
        if self.token_file is not None and self.token_command:
            raise ValueError("A token comes from one place: give token_file or token_command.")
        if isinstance(self.token_command, str):
            raise ValueError("token_command is a program and its arguments, one by one, and no shell's line.")  # noqa: TRY004 - as the others

    def stamp(self) -> Stamp:
        """What changes when one of the certificate files does."""
        return tuple(
            stamp_of(each) for each in (self.ca_file, self.certificate_file, self.key_file) if each is not None
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """What the files hold now; raises CredentialsUnreadable."""
        return grpc.ssl_channel_credentials(
            read_bytes(self.ca_file), read_bytes(self.key_file), read_bytes(self.certificate_file)
        )


def stamp_of(path: str | Path) -> tuple[int, int, int]:
    """What changes when the file does."""
    try:
        found = Path(path).stat()
    except OSError:
        return _GONE
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def read_bytes(path: str | Path | None) -> bytes | None:
    """What the file holds, None for no file; raises CredentialsUnreadable."""
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unreadable(f"{path} cannot be read: {error.strerror}.") from error


def unreadable(message: str) -> CredentialsUnreadable:
    """The error of a caller that cannot show who it is; nothing was sent."""
    return CredentialsUnreadable(Failure(grpc.StatusCode.UNAUTHENTICATED, message))
