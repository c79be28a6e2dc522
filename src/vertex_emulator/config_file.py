"""Settings from a YAML file: the fields of `EmulatorConfig` by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from vertex_emulator.config import BucketCheck, CapacityMode, ClockKind, EmulatorConfig, WaitingState
from vertex_emulator.errors import ConfigError
from vertex_emulator.faults import Fault, fault_from

_TYPES = {field.name: str(field.type) for field in fields(EmulatorConfig)}
_NUMBERS = {name for name, kind in _TYPES.items() if kind in {"int", "int | None"}}
_FLOATS = {name for name, kind in _TYPES.items() if kind in {"float", "float | None"}}


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
    for name in ("buckets", "tables"):
        if isinstance(loaded.get(name), str):
            # A folder in a file is named as seen from that file.
            loaded[name] = path.parent / loaded[name]
    return loaded


def _value(name: str, value: Any) -> Any:
    """One setting in its type."""
    if name not in _TYPES:
        raise ConfigError(f"{name}: unknown setting")
    if value is None and "None" in _TYPES[name]:
        return None
    try:
        return _converted(name, value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{name}: {error}") from error


def _converted(name: str, value: Any) -> Any:
    if name in _NUMBERS and not (isinstance(value, int) and not isinstance(value, bool)):
        raise ValueError(f"a whole number is expected, not {value!r}")
    return _converter(name)(value)


def _converter(name: str) -> Callable[[Any], Any]:
    return float if name in _FLOATS else _CONVERTERS.get(name, _unchanged)


def _unchanged(value: Any) -> Any:
    return value


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(inner) for key, inner in value.items()}


def _limits(value: Any) -> dict[str, int]:
    return {str(region): int(limit) for region, limit in value.items()}


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _faults(value: Any) -> tuple[Fault, ...]:
    faults = []
    for index, each in enumerate(value):
        try:
            faults.append(fault_from(each))
        except ConfigError as error:
            raise ConfigError(f"faults[{index}].{error}") from error
    return tuple(faults)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false is expected, not {value!r}")
    return value


def _patterns(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError("a list is expected")
    return tuple(str(pattern) for pattern in value)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "buckets": Path,
    "tables": Path,
    "clock": ClockKind,
    "capacity_mode": CapacityMode,
    "waiting_state": WaitingState,
    "bucket_check": BucketCheck,
    "global_bigquery": _truth,
    "models": _patterns,
    "project_numbers": _texts,
    "capacities": _limits,
    "start_time": _moment,
    "faults": _faults,
}
