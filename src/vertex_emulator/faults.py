"""Scripted trouble: which calls it befalls, how often, and what happens to them."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import grpc

from vertex_emulator.errors import ConfigError


class FaultKind(StrEnum):
    """What happens to a call that a fault befalls. `seconds` is emulated time throughout.

    - `delay`: held for `seconds`, then done and answered; a caller that gives up meanwhile takes its request with it.
    - `in_flight`: held for `seconds`, then done, even if the caller has given up. With `code` the caller is answered
      so at once, while its request is still on its way.
    - `late_answer`: done at once, answered after `seconds`.
    - `drop_answer`: done, and the answer is lost: the caller sees `code`, UNAVAILABLE if none is given.
      On an HTTP route the connection is closed without an answer.
    - `status`: not done; answered with `code` and `message`.
    - `hang`: neither done nor answered, ever.
    - `list_lag`: a list does not show jobs that are younger than `seconds`.
    - `outcome`: the job that this create makes fails after running for `seconds`, with `code` and `message` as error.
    """

    DELAY = "delay"
    IN_FLIGHT = "in_flight"
    LATE_ANSWER = "late_answer"
    DROP_ANSWER = "drop_answer"
    STATUS = "status"
    HANG = "hang"
    LIST_LAG = "list_lag"
    OUTCOME = "outcome"


_TIMED = {FaultKind.DELAY, FaultKind.IN_FLIGHT, FaultKind.LATE_ANSWER, FaultKind.LIST_LAG}
_ROUTE_PREFIXES = ("storage.", "bigquery.")
_HTTP_ERRORS = {str(status) for status in range(400, 600)}
_GRPC_ERRORS = set(grpc.StatusCode.__members__) - {"OK"}
_ON_ROUTES = {FaultKind.DELAY, FaultKind.LATE_ANSWER, FaultKind.DROP_ANSWER, FaultKind.STATUS, FaultKind.HANG}


@dataclass(frozen=True)
class Fault:
    """One scripted fault.

    `method` is the last part of a gRPC method ("CreateBatchPredictionJob") or a route's name ("storage.buckets.get");
    `*` is a wildcard. `region`, `display_name`, `resource` (patterns, the last one over a bucket, `bucket/object` or a
    job's name) and `labels` (all must be there) narrow it to some calls. It befalls the first `times` calls that fit,
    or all of them until it is removed, with None. `code` is the name of a gRPC code, or an HTTP status for a route.
    """

    method: str
    kind: FaultKind
    seconds: float = 0.0
    code: str = ""
    message: str = ""
    reason: str = ""
    times: int | None = 1
    region: str = "*"
    display_name: str = "*"
    resource: str = "*"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.kind in _TIMED and not self.seconds > 0:
            raise ConfigError(f"seconds: a fault of kind {self.kind} needs more than 0")
        if self.times is not None and self.times < 1:
            raise ConfigError("times: must be at least 1, or null for every call")
        if self.kind is FaultKind.STATUS and not self.code:
            raise ConfigError("code: a fault of kind status needs one")
        self._check_fits_method()

    def _check_fits_method(self) -> None:
        """Routes answer with HTTP statuses and know fewer kinds than gRPC methods, which answer with named codes."""
        on_route = self.method.startswith(_ROUTE_PREFIXES)
        if on_route and self.kind not in _ON_ROUTES:
            raise ConfigError(f"kind: {self.kind} cannot befall an HTTP route")
        if on_route and self.code and self.code not in _HTTP_ERRORS:
            raise ConfigError(f"code: {self.code!r} is not an HTTP error status")
        if not on_route and self.code and self.code not in _GRPC_ERRORS:
            raise ConfigError(f"code: {self.code!r} is not the name of a gRPC error code")

    def befalls(self, facts: CallFacts) -> bool:
        return (
            fnmatch.fnmatchcase(facts.method, self.method)
            and fnmatch.fnmatchcase(facts.region, self.region)
            and fnmatch.fnmatchcase(facts.display_name, self.display_name)
            and fnmatch.fnmatchcase(facts.resource, self.resource)
            and all(facts.labels.get(key) == value for key, value in self.labels.items())
        )


@dataclass(frozen=True)
class CallFacts:
    """What a fault may look at in a call."""

    method: str
    region: str = ""
    display_name: str = ""
    resource: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class TakenFaults:
    """The faults that befall one call."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._faults = faults

    def one(self, kind: FaultKind) -> Fault | None:
        return next((fault for fault in self._faults if fault.kind is kind), None)

    def seconds(self, kind: FaultKind) -> float:
        """The longest of that kind; 0 if there is none."""
        return max((fault.seconds for fault in self._faults if fault.kind is kind), default=0.0)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(fault.kind.value for fault in self._faults)


class Faults:
    """The script of one emulator: faults in the order in which they were added, each with what is left of it."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._script: dict[int, Fault] = {}
        self._left: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._script)

    def add(self, fault: Fault) -> int:
        """Put a fault into the script; the number that comes back removes it."""
        number = next(self._ids)
        self._script[number] = fault
        if fault.times is not None:
            self._left[number] = fault.times
        return number

    def remove(self, number: int) -> bool:
        self._left.pop(number, None)
        return self._script.pop(number, None) is not None

    def clear(self) -> None:
        self._script.clear()
        self._left.clear()

    def pending(self) -> dict[int, tuple[Fault, int | None]]:
        """What is still in the script, each with how many calls it will yet befall."""
        return {number: (fault, self._left.get(number)) for number, fault in self._script.items()}

    def take(self, facts: CallFacts) -> TakenFaults:
        """The faults that befall this call. Of each kind the first that fits is used, and one use of it spent."""
        taken: dict[FaultKind, Fault] = {}
        for number, fault in list(self._script.items()):
            if fault.kind not in taken and fault.befalls(facts):
                taken[fault.kind] = fault
                self._spend(number)
        return TakenFaults(tuple(taken.values()))

    def _spend(self, number: int) -> None:
        if number not in self._left:
            return
        self._left[number] -= 1
        if self._left[number] == 0:
            self.remove(number)


def fault_from(values: Any) -> Fault:
    """A fault from plain values, as the control routes and configuration files carry it; ConfigError if it is none."""
    if not isinstance(values, Mapping):
        raise ConfigError("fault: a map is expected")
    known = set(Fault.__dataclass_fields__)
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{unknown[0]}: unknown key of a fault; known are {', '.join(sorted(known))}")
    for key in ("method", "kind"):
        if not values.get(key):
            raise ConfigError(f"{key}: a fault needs one")
    for key in ("method", "kind", "message", "reason", "region", "display_name", "resource"):
        if not isinstance(values.get(key, ""), str):
            raise ConfigError(f"{key}: a text is expected")
    labels = values.get("labels", {})
    if not isinstance(labels, Mapping):
        raise ConfigError("labels: a map is expected")
    try:
        return Fault(**{**values, "kind": FaultKind(values["kind"]), "code": str(values.get("code", ""))})
    except (ValueError, TypeError) as error:
        raise ConfigError(f"fault: {error}") from error
