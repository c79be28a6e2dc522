"""What a caller proves itself by, and whom it trusts: files that are read again when they change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from batchjobs.client._files import read_certificates, read_pair, stamp_of

Stamp = tuple[tuple[int, int, int], ...]
"""By what a change of files is noticed: of each its inode, its time and its size."""


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
        """What the files hold now; raises CredentialsUnreadable, which says what is wrong with which file."""
        ca = None if self.ca_file is None else read_certificates(self.ca_file)
        if self.certificate_file is None or self.key_file is None:
            return grpc.ssl_channel_credentials(ca)
        certificate, key = read_pair(self.certificate_file, self.key_file)
        return grpc.ssl_channel_credentials(ca, key, certificate)
