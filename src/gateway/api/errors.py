"""From a refusal to what goes over the wire. This is the one table from reasons to gRPC codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import grpc

from gateway.errors import Reason

CODES: Final[Mapping[Reason, grpc.StatusCode]] = MappingProxyType(
    {
        Reason.INVALID_SPEC: grpc.StatusCode.INVALID_ARGUMENT,
        Reason.INVALID_PAGE_TOKEN: grpc.StatusCode.INVALID_ARGUMENT,
        Reason.POLICY_VIOLATION: grpc.StatusCode.PERMISSION_DENIED,
        Reason.TEAM_FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
        Reason.ROLE_FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
        Reason.REGION_MISMATCH: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.SOURCE_NOT_FOUND: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.SOURCE_NOT_READABLE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.SOURCE_NOT_A_TABLE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.SOURCE_TOO_LARGE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.DESTINATION_NOT_FOUND: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.NOT_ENDED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.NOT_AUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        Reason.QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.REQUEST_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
        Reason.RESUME_TOKEN_EXPIRED: grpc.StatusCode.OUT_OF_RANGE,
        Reason.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.NOT_SERVED: grpc.StatusCode.UNIMPLEMENTED,
        Reason.STORE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.LOCATION_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.IDENTITY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.DRAINING: grpc.StatusCode.UNAVAILABLE,
    },
)

RETRIED_BY_GRPC: Final = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE})
"""The codes that carry `grpc-retry-pushback-ms`."""
