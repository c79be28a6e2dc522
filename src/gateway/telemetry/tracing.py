"""Traces: one small interface, which does nothing until an OpenTelemetry collector is named.

A batch job has a trace of its own. Its id is worked out from the batch job's name, so every replica that has to do with
it, today or in two days, adds to the same trace, and nothing about it is stored. Calls of the API belong to their
caller's trace, and the two are linked.

Spans carry names, counts and codes: never a payload, a token, a model parameter or who called.
"""

from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto
from typing import Final, Protocol, Self

from gateway.settings import SettingsError

Attribute = str | int | bool
Headers = dict[str, str]


class Kind(Enum):
    """Which side of a call a span is."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()


class Span(Protocol):
    """Something that is under way."""

    def note(self, **attributes: Attribute) -> None:
        """Add what is known only by now."""
        ...

    def about(self, batch_job: str) -> None:
        """Link it to the trace of a batch job."""
        ...

    def failed(self, code: str) -> None:
        """Say that it did not succeed, and with which canonical code."""
        ...


class Traces(Protocol):
    """Where spans go."""

    @property
    def on(self) -> bool:
        """Whether anybody collects them."""
        ...

    def span(
        self,
        name: str,
        *,
        about: str = "",
        kind: Kind = Kind.INTERNAL,
        headers: Headers | None = None,
        **more: Attribute,
    ) -> AbstractContextManager[Span]:
        """A span around what is done inside. An exception that leaves it ends it, and shows nothing of itself.

        Args:
            name: what is done.
            about: the batch job in whose trace it belongs, linked to the span around it; "" for that span's trace.
            kind: which side of a call it is.
            headers: what came with a call; its `traceparent` is the span's parent.
            more: attributes, such as `pool`.

        """
        ...

    def record(self, name: str, about: str, begin: datetime, end: datetime, **more: Attribute) -> None:
        """A span of a batch job's trace that is over already."""
        ...

    def whole(self, about: str, begin: datetime, end: datetime, **more: Attribute) -> None:
        """The span that all others of a batch job's trace stand below: from its create to its end."""
        ...

    def close(self) -> None:
        """Send what was not sent yet. Blocks for some seconds where the collector does not answer."""
        ...


class _NoSpan:
    """Keeps nothing, and is its own context manager."""

    def note(self, **attributes: Attribute) -> None: ...

    def about(self, batch_job: str) -> None: ...

    def failed(self, code: str) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


_NO_SPAN = _NoSpan()


class NoTraces:
    """Nobody collects."""

    on = False

    def span(self, name: str, **_: object) -> _NoSpan:  # noqa: ARG002 - the interface's
        return _NO_SPAN

    def record(self, name: str, about: str, begin: datetime, end: datetime, **more: Attribute) -> None: ...

    def whole(self, about: str, begin: datetime, end: datetime, **more: Attribute) -> None: ...

    def close(self) -> None: ...


OFF: Final[Traces] = NoTraces()


def open_traces(endpoint: str, *, installation: str, version: str, share: float) -> Traces:
    """Traces to the collector at `endpoint`; OFF, and nothing imported, where that is "".

    Raises:
        SettingsError: OpenTelemetry is not installed.

    """
    if not endpoint:
        return OFF
    try:
        from gateway.telemetry.open_telemetry import to_collector
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"GATEWAY_TRACES_ENDPOINT (--traces-endpoint): needs the extra `traces` to be installed ({error})"
        ) from error
    return to_collector(endpoint, installation=installation, version=version, share=share)
