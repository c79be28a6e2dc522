"""The one error type of the emulator's API methods; the gRPC edge turns it into a status with Google's details."""

from __future__ import annotations

from dataclasses import dataclass

import grpc


@dataclass(frozen=True)
class FieldViolation:
    """One thing that is wrong with a request: the field's path as Vertex names it, and what to do."""

    field: str
    message: str


class ApiError(Exception):
    """An answer other than OK.

    `violations` go out as `BadRequest`, `reason` as `ErrorInfo` of the domain `googleapis.com`.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        violations: tuple[FieldViolation, ...] = (),
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.violations = violations
        self.reason = reason


class ConfigError(Exception):
    """A configuration, a fault or a by-hand change that makes no sense; the message names the key."""


def invalid(message: str, *violations: FieldViolation) -> ApiError:
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message, violations=violations)


def not_found(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.NOT_FOUND, message)


def precondition(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.FAILED_PRECONDITION, message)


def exhausted(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, reason="RATE_LIMIT_EXCEEDED")
