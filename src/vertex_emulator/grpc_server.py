"""The gRPC listener: every call is recorded, befallen by the script's faults, done, and answered."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from vertex_emulator.calls import Call, CallLog
from vertex_emulator.clock import Clock
from vertex_emulator.errors import ApiError
from vertex_emulator.faults import CallFacts, Fault, FaultKind, Faults, TakenFaults

_log = logging.getLogger(__name__)
Method = Callable[[Any, Call, TakenFaults], Awaitable[Any]]
_SEEN_METADATA = ("user-agent", "x-goog-api-client", "x-goog-request-params", "x-goog-user-project")
_OPTIONS = (
    # Clients that guard against dead connections ping often, also while nothing is called.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)


class Handlers(grpc.GenericRpcHandler):
    """Methods by their full names, each with the class of its request. Others are UNIMPLEMENTED, and recorded too."""

    def __init__(
        self,
        methods: Mapping[str, tuple[Any, Method]],
        clock: Clock,
        calls: CallLog,
        faults: Faults,
        facts: Callable[[str, Any], CallFacts],
    ) -> None:
        self._methods = methods
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._facts = facts

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        known = self._methods.get(handler_call_details.method)
        name = handler_call_details.method.rsplit("/", 1)[-1]
        request_class, method = known if known is not None else (None, _unimplemented)

        async def behaviour(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            return await self._handle(name, method, request, context)

        return grpc.unary_unary_rpc_method_handler(
            behaviour,
            request_deserializer=request_class.FromString if request_class is not None else None,
            response_serializer=lambda message: message.SerializeToString(),
        )

    async def _handle(
        self, name: str, method: Method, request: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Any:
        call = self._calls.begin(name, request, **_peer(context))
        taken = self._faults.take(self._facts(name, request)) if self._faults else TakenFaults()
        call.faults = taken.kinds
        work = self._clock.spawn(self._work(method, request, call, taken))
        lost = taken.one(FaultKind.IN_FLIGHT)
        if lost is not None and lost.code:
            error = _scripted(lost, "The request is still on its way.")
            self._calls.answer(call, error.code.name, error.message)
            await _abort(context, error)
        try:
            outcome = await asyncio.shield(work)
        except asyncio.CancelledError:
            call.client_gone = True
            self._calls.announce()
            if lost is None:
                self._clock.cancel(work)
            raise
        if isinstance(outcome, ApiError):
            await _abort(context, outcome)
        return outcome

    async def _work(self, method: Method, request: Any, call: Call, taken: TakenFaults) -> Any:
        """What happens to one call apart from its caller, who may leave meanwhile. Errors come back as values."""
        try:
            outcome = await self._do(method, request, call, taken)
        except ApiError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - the caller is told, and the log.
            _log.exception("%s failed by a defect of the emulator", call.method)
            outcome = ApiError(grpc.StatusCode.INTERNAL, f"defect of the emulator: {error}")
        if not call.code and not call.client_gone:
            failed = isinstance(outcome, ApiError)
            self._calls.answer(call, outcome.code.name if failed else "OK", outcome.message if failed else "")
        return outcome

    async def _do(self, method: Method, request: Any, call: Call, taken: TakenFaults) -> Any:
        if taken.one(FaultKind.HANG):
            await self._clock.sleep(math.inf)
        await self._pause(max(taken.seconds(FaultKind.DELAY), taken.seconds(FaultKind.IN_FLIGHT)))
        if refused := taken.one(FaultKind.STATUS):
            raise _scripted(refused, "This answer was scripted.")
        response = await method(request, call, taken)
        self._calls.effect(call)
        await self._pause(taken.seconds(FaultKind.LATE_ANSWER))
        if dropped := taken.one(FaultKind.DROP_ANSWER):
            raise _scripted(dropped, "Socket closed")
        return response

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.sleep(seconds)


def make_server(handlers: Handlers) -> grpc.aio.Server:
    return grpc.aio.server(handlers=(handlers,), options=_OPTIONS)


async def _unimplemented(_: Any, call: Call, __: TakenFaults) -> Any:
    raise ApiError(grpc.StatusCode.UNIMPLEMENTED, f"This emulator does not serve {call.method}.")


def _scripted(fault: Fault, message: str) -> ApiError:
    code = grpc.StatusCode[fault.code or "UNAVAILABLE"]
    return ApiError(code, fault.message or message, reason=fault.reason)


def _peer(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    seen = {key: metadata[key] for key in _SEEN_METADATA if key in metadata}
    seen["authorization"] = "present" if "authorization" in metadata else "absent"
    return {"peer": context.peer(), "metadata": seen, "deadline_seconds": context.time_remaining()}


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: ApiError) -> None:
    """Answer an error as Google's servers do, with its details in the trailers."""
    details: list[Any] = []
    if error.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.message)
            for violation in error.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if error.reason:
        service = {"service": "aiplatform.googleapis.com"}
        details.append(error_details_pb2.ErrorInfo(reason=error.reason, domain="googleapis.com", metadata=service))
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    if details:
        status = status_pb2.Status(code=error.code.value[0], message=error.message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        trailers = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(error.code, error.message, trailers)
