"""Settings from a YAML file: the fields of `EmulatorConfig` by name, and `faults` to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from vertex_emulator.config import BucketCheck, CapacityMode, ClockKind, EmulatorConfig, WaitingState
from vertex_emulator.errors import ConfigError

_ENUMS = {
    "clock": ClockKind,
    "capacity_mode": CapacityMode,
    "waiting_state": WaitingState,
    "bucket_check": BucketCheck,
}
_NUMBERS = {field.name for field in fields(EmulatorConfig) if field.type in {"int", "int | None"}}
_FLOATS = {field.name for field in fields(EmulatorConfig) if field.type in {"float", "float | None"}}


def load_config(path: Path | None, given: Mapping[str, Any]) -> EmulatorConfig:
    """The settings of a file, and over them those that were given otherwise. ConfigError names file and key."""
    values = dict(_read(path)) if path is not None else {}
    where = f"{path}: " if path is not None else ""
    values.update(given)
    if "buckets" not in values:
        raise ConfigError("buckets: a folder must be named")
    try:
        return EmulatorConfig(**{name: _value(name, value) for name, value in values.items()})
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: must be a map of settings")
    if isinstance(loaded.get("buckets"), str):
        # A folder in a file is named as seen from that file.
        loaded["buckets"] = path.parent / loaded["buckets"]
    return loaded


def _value(name: str, value: Any) -> Any:
    """One setting in its type."""
    if name not in {field.name for field in fields(EmulatorConfig)}:
        raise ConfigError(f"{name}: unknown setting")
    if value is None:
        return None
    try:
        return _converted(name, value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{name}: {error}") from error


def _converted(name: str, value: Any) -> Any:
    if name in _ENUMS:
        return _ENUMS[name](value)
    if name in _NUMBERS and not (isinstance(value, int) and not isinstance(value, bool)):
        raise ValueError(f"a whole number is expected, not {value!r}")
    if name in _FLOATS:
        return float(value)
    if name == "buckets":
        return Path(value)
    if name == "models":
        return tuple(str(pattern) for pattern in value)
    if name == "project_numbers":
        return {str(project): str(number) for project, number in value.items()}
    if name == "capacities":
        return {str(region): int(limit) for region, limit in value.items()}
    if name == "start_time":
        return value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return value
