"""Every way to ask: either vocabulary, over gRPC or over REST. Each of them shows its caller one kind of answer."""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message

from gateway.api.rest.routes import WHOLE, Route
from gateway.api.rest.twins import batch_jobs_twin, vertex_twin
from support.caller import CALL_SECONDS, read_refusal
from tenancy.rows import ROWS, SERVICE, Asked, Metadata, Row
from tenancy.vertex_rows import VERTEX_ROWS, VERTEX_SERVICE

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_CHANGING = {"date", "content-length"}


@dataclass(frozen=True)
class Answer:
    """How a call ended: with a message, or refused. `wire` is everything that its caller can tell a refusal by."""

    code: str
    reason: str = ""
    cause: str = ""
    wire: object = None
    message: Any = None


class Line(Protocol):
    """A caller's own connection to one of the services."""

    async def ask(self, method: str, asked: Asked) -> Answer:
        """Call the RPC; a stream is read up to its first message."""
        ...


@dataclass(frozen=True)
class Surface:
    """One way to ask. `routes` are those of REST; None for gRPC."""

    service: Any
    rows: Mapping[str, Row]
    routes: Sequence[Route] | None = None
    version: str = "v1"

    @property
    def create(self) -> str:
        """The method that creates; the first of its kind."""
        return next(method for method in self.rows if method.startswith("Create"))

    @property
    def list(self) -> str:
        return next(method for method in self.rows if method.startswith("List"))


def _over_rest(service: Any, rows: Mapping[str, Row], routes: Sequence[Route], version: str) -> Surface:
    served = {route.method.name for route in routes}
    return Surface(service, {method: row for method, row in rows.items() if method in served}, routes, version)


SURFACES: Mapping[str, Surface] = {
    "BatchJobs": Surface(SERVICE, ROWS),
    "JobService": Surface(VERTEX_SERVICE, VERTEX_ROWS),
    "BatchJobs over REST": _over_rest(SERVICE, ROWS, batch_jobs_twin().routes, "v1"),
    "JobService over REST": _over_rest(VERTEX_SERVICE, VERTEX_ROWS, vertex_twin().routes, "v1"),
    "JobService over REST, v1beta1": _over_rest(VERTEX_SERVICE, VERTEX_ROWS, vertex_twin().routes, "v1beta1"),
}


@dataclass(frozen=True)
class GrpcLine:
    """Over gRPC."""

    surface: Surface
    channel: grpc.aio.Channel
    metadata: Metadata

    async def ask(self, method: str, asked: Asked) -> Answer:
        described = self.surface.service.methods_by_name[method]
        kind = self.channel.unary_stream if described.server_streaming else self.channel.unary_unary
        answer: Any = message_factory.GetMessageClass(described.output_type)
        start: Any = kind(
            f"/{self.surface.service.full_name}/{method}",
            request_serializer=type(asked.request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        call = start(asked.request, metadata=(*self.metadata, *asked.metadata), timeout=CALL_SECONDS)
        try:
            message = await (call.read() if described.server_streaming else call)
        except grpc.aio.AioRpcError as error:
            return _refused(error)
        call.cancel()
        return Answer("OK", message=message)


def _refused(error: grpc.aio.AioRpcError) -> Answer:
    refused = read_refusal(error)
    info = refused.details.get("ErrorInfo")
    told = (refused.code, refused.message, tuple(error.initial_metadata()), tuple(error.trailing_metadata()))
    return Answer(refused.code, refused.reason, info.metadata["cause"] if info else "", repr(told))


@dataclass(frozen=True)
class RestLine:
    """Over REST. A certificate may be shown to Envoy, and counts for nothing."""

    surface: Surface
    url: str
    session: aiohttp.ClientSession
    metadata: Metadata
    tls: ssl.SSLContext

    async def ask(self, method: str, asked: Asked) -> Answer:
        [route] = [each for each in self.surface.routes or () if each.method.name == method]
        path, query, body = _http(route, self.surface.version, asked.request)
        headers = (*self.metadata, *asked.metadata)
        call = self.session.request(
            route.verb, f"{self.url}{path}", params=query, data=body, headers=headers, ssl=self.tls
        )
        async with call as response:
            text = await response.text()
            if response.status == 200:
                answer = message_factory.GetMessageClass(route.method.output_type)()
                return Answer("OK", message=json_format.Parse(text, answer))
            error = json.loads(text)["error"]
            info: dict[str, Any] = next((each for each in error.get("details", ()) if each["@type"] == _INFO), {})
            seen = sorted((name, value) for name, value in response.headers.items() if name.lower() not in _CHANGING)
            wire = repr((response.status, seen, text))
            return Answer(error["status"], info.get("reason", ""), info.get("metadata", {}).get("cause", ""), wire)


def _http(route: Route, version: str, request: Message) -> tuple[str, dict[str, str], str | None]:
    """Path, query and body, as `google.api.http` says."""
    [path] = [each for each in route.paths if each.startswith(f"/{version}/")]
    fields = json_format.MessageToDict(request)
    for name in route.path_fields:
        path = re.sub(rf"\{{{name}=[^}}]*\}}", fields.pop(name), path)
    if not route.body:
        return path, _query(fields), None
    if route.body == WHOLE:
        return path, {}, json.dumps(fields)
    [body] = [field.json_name for field in route.method.input_type.fields if field.name == route.body]
    sent = json.dumps(fields.pop(body, {}))
    return path, _query(fields), sent


def _query(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
