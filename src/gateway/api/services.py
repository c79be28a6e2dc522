"""The services of a listener that are called under a caller's name, and who is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import ServiceDescriptor

Service = tuple[ServiceDescriptor, grpc.GenericRpcHandler]
"""A service and what serves it."""


@dataclass(frozen=True, slots=True)
class Services:
    """Health and reflection, which say nothing about anyone, stand beside them."""

    direct: Sequence[Service]
    """What callers call themselves."""
    by_proxy: Sequence[Service] = ()
    """What a proxy alone calls, for callers over REST: nobody is told of it, and who the proxy is counts for nothing.
    """

    @property
    def told(self) -> list[ServiceDescriptor]:
        """What reflection lists, and what refusals of unserved methods name."""
        return [service for service, _ in self.direct]

    @property
    def every(self) -> tuple[Service, ...]:
        return (*self.direct, *self.by_proxy)

    @property
    def guarded(self) -> frozenset[str]:
        """The names of those whose callers must have names."""
        return frozenset(service.full_name for service, _ in self.every)

    @property
    def forwarded(self) -> frozenset[str]:
        """The names of those among them that are called for somebody else."""
        return frozenset(service.full_name for service, _ in self.by_proxy)
