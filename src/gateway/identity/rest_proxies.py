"""From where Envoys call that serve REST. Anybody can call what they call; by the address they are known."""

from collections.abc import Iterable
from ipaddress import ip_network

from gateway.identity.throttle import address_of


class RestProxies:
    """Loopback, where Envoy is a sidecar, and the addresses and networks that the setting `rest_proxies` names."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(ip_network(each) for each in networks)

    def take_in(self, peer: str) -> bool:
        """Whether the peer, as gRPC writes it, is one of them."""
        address = address_of(peer)
        if address is None:
            return False
        return address.is_loopback or any(address in network for network in self._networks)
