"""Rules between settings that are each in order, those of the listeners apart (exposure.py)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.setting_types import is_loopback

if TYPE_CHECKING:
    from gateway.settings import Settings

_PARTS: Final = ("create_deadline", "tcp_user_timeout", "list_lag")
_EMULATORS: Final = ("vertex_emulator", "storage_endpoint", "bigquery_endpoint")
_EMULATED: Final = "stands in for Google: it needs evaluation or insecure, or every listener on loopback"
_REACHED_BY: Final = ("insecure", "evaluation", "api_listen", "mtls_listen", "health_listen", "metrics_listen")


class Conflict(NamedTuple):
    """What is wrong with a setting because of others."""

    setting: str
    says: str
    others: tuple[str, ...]
    """Where one of these cannot be read, nothing is known about it."""


def conflicts(settings: "Settings") -> Iterator[Conflict]:
    """What is wrong between times, and with what stands in for Google."""
    least = settings.create_deadline + settings.tcp_user_timeout + settings.list_lag
    if settings.lease_margin >= settings.lease:
        yield Conflict("lease_margin", "must be shorter than the lease", ("lease",))
    if settings.settle is not None and settings.settle < least:
        says = f"must be at least {least.total_seconds():g}s, the sum of {', '.join(_PARTS)}"
        yield Conflict("settle", says, _PARTS)
    if settings.watch_age >= settings.connection_age:
        yield Conflict("watch_age", "must be shorter than connection_age", ("connection_age",))
    if not (settings.insecure or settings.evaluation or all(is_loopback(each) for each in settings.listeners)):
        yield from (Conflict(each, _EMULATED, _REACHED_BY) for each in _EMULATORS if getattr(settings, each))
