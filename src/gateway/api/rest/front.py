"""The front: where Envoy listens, where the gateway is behind it, and with which files either side is secured."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from gateway.setting_types import is_loopback
from gateway.settings import Settings

Config = dict[str, Any]

_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):\d{1,5}")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|\d{1,3}(\.\d{1,3}){3}):\d{1,5}")

TYPE: Final = "type.googleapis.com/envoy."


class FrontError(Exception):
    """A front that would send tokens where others can read them; the message has a line for each problem."""


@dataclass(frozen=True, slots=True)
class Front:
    """Paths are as Envoy sees them.

    Raises:
        FrontError: callers' tokens would go unprotected over the network.

    """

    listen: str
    """`host:port` where callers are served."""
    gateway: str
    """`host:port` of the gateway's listener for tokens."""
    folder: PurePosixPath
    """Where the descriptor set and the names of the certificates lie."""
    certificate: PurePosixPath | None = None
    """What callers are shown; None for plaintext, on loopback alone."""
    key: PurePosixPath | None = None
    gateway_tls: bool = True
    gateway_ca: PurePosixPath | None = None
    """Who vouches for the gateway's certificate; None where it is beside Envoy, on loopback."""
    gateway_name: str = "localhost"
    """The DNS name that the gateway's certificate must have."""
    body_bytes: int = Settings.model_fields["message_bytes"].default - 16 * 1024
    """The largest body: a little less than the gateway's largest message."""
    access_log: bool = False

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise FrontError("\n".join(problems))

    def _problems(self) -> Iterator[str]:
        if not _ADDRESS.fullmatch(self.listen):
            yield f"--listen: is an IP address and a port, such as 0.0.0.0:8473, and not {self.listen}"
        if not _HOST_PORT.fullmatch(self.gateway):
            yield f"--gateway: is host:port, and not {self.gateway}"
        if (self.certificate is None) != (self.key is None):
            yield "--certificate and --key: one needs the other"
        if self.certificate is None and not is_loopback(self.listen):
            yield f"--certificate: is needed, since others can reach {self.listen}"
        if not self.gateway_tls and not is_loopback(self.gateway):
            yield f"--plaintext: is for a gateway on loopback only, and {self.gateway} is elsewhere"
        if self.gateway_tls and self.gateway_ca is None and not is_loopback(self.gateway):
            yield f"--gateway-ca: is needed to know the gateway at {self.gateway} by its certificate"


def socket_address(address: str) -> Config:
    """Of `host:port`."""
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def extension(name: str, kind: str, **config: Any) -> Config:
    """One of Envoy's extensions with its configuration."""
    return {"name": f"envoy.{name}", "typed_config": {"@type": f"{TYPE}extensions.{kind}", **config}}
