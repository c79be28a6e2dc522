"""Which HTTP requests are which methods, by `google.api.http`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

VERSION: Final = "v1"
"""The version that annotated paths begin with."""
WHOLE: Final = "*"
"""The body that is the whole request."""

_VERBS: Final = ("get", "post", "put", "patch", "delete")
_VARIABLE: Final = re.compile(r"\{(\w+)")


@dataclass(frozen=True, slots=True)
class Route:
    """One method with its paths, the first its own and the others additional bindings of the same verb and body."""

    method: MethodDescriptor
    verb: str
    paths: tuple[str, ...]
    body: str = ""
    """The request's field that is the body; `*` for all of the request that is not in the path; "" for none."""

    @property
    def path_fields(self) -> frozenset[str]:
        return frozenset(_VARIABLE.findall(self.paths[0]))

    def rule(self, body: str) -> http_pb2.HttpRule:
        """The annotation, with `body` in place of the route's own."""
        first, *others = (http_pb2.HttpRule(**{self.verb: path}, body=body) for path in self.paths)
        first.additional_bindings.extend(others)
        return first


def annotated_routes(service: ServiceDescriptor, versions: Sequence[str] = (VERSION,)) -> tuple[Route, ...]:
    """The routes of a service's unary methods, from their annotations; each path is there in each of the versions."""
    return tuple(_annotated(method, versions) for method in service.methods if not method.server_streaming)


def prefixes(routes: Iterable[Route]) -> tuple[str, ...]:
    """What the paths begin with, up to their first variable and without its version: `/v1/teams/`."""
    return tuple(sorted({path.replace("{", "").split("*")[0].replace(f"{_name(path)}=", "") for path in _all(routes)}))


def _annotated(method: MethodDescriptor, versions: Sequence[str]) -> Route:
    options: Any = method.GetOptions()
    rule = options.Extensions[annotations_pb2.http]
    verb = next(verb for verb in _VERBS if getattr(rule, verb))
    path: str = getattr(rule, verb)
    return Route(method, verb, tuple(path.replace(f"/{VERSION}/", f"/{each}/", 1) for each in versions), rule.body)


def _all(routes: Iterable[Route]) -> Iterable[str]:
    return (path for route in routes for path in route.paths)


def _name(path: str) -> str:
    return next(_VARIABLE.finditer(path))[1]
