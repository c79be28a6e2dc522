"""Structured logs: one JSON object a line, on the stream that is passed in.

Context (`rpc_id`, `principal`, `team`, `batch_job`) is bound with `structlog.contextvars` and stands on every line of
the task that bound it. Payloads, tokens and model parameters are never logged; the keys that would hold them are
blanked here too, so that a slip elsewhere shows nothing.
"""

import logging
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

SECRET_KEYS: Final = frozenset(
    {"authorization", "body", "credentials", "database_url", "model_parameters", "password", "payload", "token"},
)


def configure(stream: TextIO, *, level: str = "INFO") -> None:
    """Send every log line of this process, the libraries' warnings included, to `stream`. Called once, by a command."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        blank_secrets,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def blank_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that must never be shown."""
    for key in SECRET_KEYS & event.keys():
        event[key] = "(not shown)"
    return event
