"""How often one peer may be refused before it is put off: nobody gets to spend our processor on guesses."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

from gateway.clock import Clock
from gateway.errors import GatewayError, Reason

MAX_PEERS: Final = 4096
_MINUTE: Final = 60.0


class Throttle:
    """One bucket for each peer address (of IPv6, each /64), filled with `per_minute` refusals and so many a minute.

    Bounded: the address that was refused longest ago is forgotten first, and a full bucket need not be remembered.
    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock, self._per_minute = clock, per_minute
        self._used: dict[str, tuple[float, float]] = {}
        self._judged = Counter[str]()

    @contextmanager
    def judging(self, peer: str) -> Iterator[None]:
        """While it is entered the peer is being judged, which may take a while: so long it counts as refused, and none
        has more judged at a time than may be refused. Raises OVERLOADED where it has been refused too often of late.
        """
        network = network_of(peer)
        self._check(network)
        self._judged[network] += 1
        try:
            yield
        finally:
            self._judged[network] -= 1
            if not self._judged[network]:
                del self._judged[network]

    def _check(self, network: str) -> None:
        used = self._used_by(network) + self._judged[network]
        if used > self._per_minute - 1:
            wait = (used - self._per_minute + 1) * _MINUTE / self._per_minute
            raise GatewayError(
                Reason.OVERLOADED,
                "Calls from your address were refused for want of a valid identity too often. Mend what they send, and "
                "call again in a moment.",
                retry_after=timedelta(seconds=max(wait, 0.1)),
            )

    def refused(self, peer: str) -> None:
        """The peer was refused once more."""
        network = network_of(peer)
        used = self._used_by(network) + 1
        self._used.pop(network, None)
        if len(self._used) >= MAX_PEERS:
            del self._used[next(iter(self._used))]
        self._used[network] = (used, self._clock.boottime())

    def _used_by(self, network: str) -> float:
        used, at = self._used.get(network, (0.0, 0.0))
        return max(0.0, used - (self._clock.boottime() - at) * self._per_minute / _MINUTE)


def network_of(peer: str) -> str:
    """The address in gRPC's `ipv4:10.0.0.7:51234` or `ipv6:%5B::1%5D:51234`, of IPv6 its /64; else all of `peer`."""
    address = address_of(peer)
    if address is None:
        return "unix" if peer.startswith("unix:") else peer
    return address.exploded[:19] if isinstance(address, IPv6Address) else address.compressed


def address_of(peer: str) -> IPv4Address | IPv6Address | None:
    """The address alone, as IPv4 where IPv6 only wraps one; None where the peer has none."""
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
