"""Structured logs: one JSON object a line, on the stream that is passed in.

What a call is about (`rpc_id`, `principal`, `team`, `batch_job`) is named once, by `about`, and stands on every line
that is written while the call goes on. Payloads, tokens and model parameters are never logged; the keys that would hold
them are blanked here too, so that a slip elsewhere shows nothing.
"""

import json
import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog

SECRET_KEYS: Final = frozenset(
    {"authorization", "body", "credentials", "database_url", "model_parameters", "password", "payload", "token"},
)

_NAMES: Final[ContextVar[dict[str, str] | None]] = ContextVar("names", default=None)


def begin_call() -> dict[str, str]:
    """Start with no names, for this task and those that it begins; the answer takes in what `about` adds."""
    names: dict[str, str] = {}
    _NAMES.set(names)
    return names


def about(**names: str) -> None:
    """Have the names stand on every further line of the call, in whatever task it is written. Elsewhere: nothing."""
    held = _NAMES.get()
    if held is not None:
        held.update(names)


def configure(stream: TextIO, *, level: str = "INFO") -> None:
    """Send every log line of this process, the libraries' warnings included, to `stream`. Called once, by a command."""
    shared: list[structlog.typing.Processor] = [
        merge_names,
        structlog.stdlib.add_log_level,
        blank_secrets,
        add_time,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                render,
            ],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    handler.addFilter(not_of_callers_gone)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def audit_logger() -> Any:
    """A logger whose lines are written at every level: what was done must not depend on how much else is told."""
    return structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))


def not_of_callers_gone(record: logging.LogRecord) -> bool:
    """Leave out gRPC's traceback for an answer that could not be sent, since its caller had gone: there is nothing to
    be done about it, and a caller could fill the log with it.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name.startswith("grpc.") and type(error).__name__ == "ExecuteBatchError")


def merge_names(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what the call is about."""
    names = _NAMES.get()
    return {**names, **event} if names else event


def add_time(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the time, in UTC; `render` writes it."""
    event["timestamp"] = datetime.now(UTC)
    return event


def render(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    """The line, of printable ASCII alone; what JSON has no form for is shown as Python shows it."""
    try:
        line = orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)
    except TypeError:
        # Numbers beyond 64 bits, and text that is not valid Unicode, such as the name of a file may be.
        return _ENCODER.encode(event)
    # Of what is not ASCII, some ends a line or turns it around for whoever reads the log: it is written as escapes.
    return line.decode() if line.isascii() and _DELETE not in line else _ENCODER.encode(event)


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


_ENCODER: Final = json.JSONEncoder(default=_shown)
_DELETE: Final = b"\x7f"


def blank_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that must never be shown."""
    if not SECRET_KEYS.isdisjoint(event):
        for key in SECRET_KEYS & event.keys():
            event[key] = "(not shown)"
    return event
