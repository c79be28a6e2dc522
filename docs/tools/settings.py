"""Writes docs/settings.md from the typed models of the settings and of the issuers file."""

from enum import Enum
from typing import Any, Final

import pages
from pydantic.fields import FieldInfo

from gateway.identity.issuers import Issuer
from gateway.settings import PREFIX, Settings

INTRODUCTION: Final = f"""# Settings

How one process of `gateway serve` runs. Each setting is a variable, `{PREFIX}` and its name in upper case, or a flag,
`--` and its name with hyphens; a flag goes before the variable. Durations are numbers with a unit: `500ms`, `20s`,
`5m`, `1h`, `30d`. An unknown variable with that prefix, a value that cannot be, and settings that contradict each other
keep the process from starting, each with a line of its own. What teams may do is not here: that is the
[policy](policy.md).
"""

HEADINGS: Final = {
    "database_url": "The database",
    "name": "The installation",
    "api_listen": "Listeners",
    "tls_certificate": "Identity",
    "log_level": "Logs and traces",
    "vertex_emulator": "Google's services",
    "lease": "The leader",
    "location_deadline": "Look-ups of places",
    "watch_heartbeat": "Watches and connections",
    "streams_per_connection": "Limits",
    "drain_delay": "Shutdown",
    "api_connections": "Connections to the database",
}
"""Above which setting each heading stands."""

ISSUERS: Final = """
## The issuers file

What `issuers` names: YAML with the one key `issuers`, a map from an alias to these keys. [Identity](identity.md) shows
whole files. The process reads it at its start.
"""


def render() -> str:
    """The page: a table below each heading."""
    if unknown := HEADINGS.keys() - Settings.model_fields.keys():
        raise ValueError(f"there are headings above {sorted(unknown)}, which are no settings")
    lines = [INTRODUCTION.rstrip()]
    for name, field in Settings.model_fields.items():
        if name in HEADINGS:
            lines += ["", f"## {HEADINGS[name]}", "", *head("variable")]
        lines.append(row(PREFIX + name.upper(), field))
    lines += [ISSUERS, *head("key"), *(row(name, field) for name, field in Issuer.model_fields.items())]
    return "\n".join(lines)


def head(what: str) -> tuple[str, str]:
    """The first two lines of a table."""
    return f"| {what} | default | meaning |", "| --- | --- | --- |"


def row(name: str, field: FieldInfo) -> str:
    """One line of a table."""
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{name}` | {default(field)} | {meaning} |"


def default(field: FieldInfo) -> str:
    """The default as it would be written; a dash for nothing."""
    if field.is_required():
        return "required"
    value = field.get_default()
    return "–" if value in (None, "", ()) else f"`{written(value)}`"


def written(value: Any) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(written, value))
    seconds = getattr(value, "total_seconds", None)
    if seconds is not None:
        return in_unit(seconds())
    return str(value.value if isinstance(value, Enum) else value)


def in_unit(seconds: float) -> str:
    """`20s`, `5m`, `1h`: the largest unit in which it is whole."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


if __name__ == "__main__":
    pages.run("settings.md", render, tool="settings.py", source="src/gateway/settings.py")
