"""A span around every call of the API, in its caller's trace, linked to the trace of the batch job that it is about."""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.api.call import Call, Proceed
from gateway.telemetry.tracing import Headers, Kind, Span, Traces

_HEADERS: Final = frozenset({"traceparent", "tracestate"})
_OURS: Final = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS"})
"""The codes that say that we failed; refusals are answers."""


class Tracing:
    """Stands in the line of layers only while traces are collected."""

    def __init__(self, traces: Traces, guarded: frozenset[str]) -> None:
        self._traces = traces
        self._guarded = guarded

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Make the span; health and reflection have none."""
        if call.service not in self._guarded:
            return await proceed(call)
        began = datetime.now(UTC)
        name = f"{call.service}/{call.method}"
        named = {"rpc_system": "grpc", "rpc_service": call.service, "rpc_method": call.method}
        with self._traces.span(name, kind=Kind.SERVER, headers=_headers(call), **named) as span:
            try:
                answer = await proceed(call)
            except BaseException as error:
                self._note(span, call, error)
                raise
            self._note(span, call, None)
            if created := _created(call, answer):
                span.about(created)
                self._traces.record("create", created, began, datetime.now(UTC))
            return answer

    def _note(self, span: Span, call: Call, error: BaseException | None) -> None:
        code = call.ended_by(error)
        known = {key: value for key, value in call.names.items() if key in {"team", "batch_job", "rpc_id"}}
        span.note(rpc_code=int(code.value[0]), **known)
        if call.reason:
            span.note(reason=call.reason)
        if code.name in _OURS:
            span.failed(code.name)
        if name := call.names.get("batch_job"):
            span.about(name)


def _headers(call: Call) -> Headers:
    return {key: value for key, value in call.metadata if key in _HEADERS and isinstance(value, str)}


def _created(call: Call, answer: Any) -> str:
    """The batch job that a create has answered; a dry run answers one that is not there."""
    if call.method != "CreateBatchJob" or getattr(call.request, "validate_only", False):
        return ""
    return str(answer.name)
