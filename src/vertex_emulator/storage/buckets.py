"""The buckets: each subfolder of one folder, with what `buckets.yaml` in that folder says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vertex_emulator.errors import ConfigError
from vertex_emulator.settings_file import SettingsFile
from vertex_emulator.storage.places import Location

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_KEYS = {"location", "data_locations", "forbidden"}
DEFAULT_LOCATION = "US-CENTRAL1"
SETTINGS_FILE = "buckets.yaml"


class BucketMissingError(Exception):
    """There is no such bucket."""


class BucketForbiddenError(Exception):
    """The bucket is there, and closed to everybody."""


@dataclass(frozen=True)
class Bucket:
    """One bucket: its name, its folder and where it pretends to lie."""

    name: str
    folder: Path
    location: Location = field(default_factory=lambda: Location(DEFAULT_LOCATION))
    forbidden: bool = False

    @property
    def created(self) -> datetime:
        return datetime.fromtimestamp(self.folder.stat().st_mtime, UTC)


class Buckets:
    """The folder of buckets. It may be changed by hand at any time; what is asked is read afresh. All calls block."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._settings = SettingsFile(self.root / SETTINGS_FILE, _parse)

    def open(self, name: str) -> Bucket:
        """The bucket, if it may be used; BucketMissingError or BucketForbiddenError if not."""
        bucket = self.find(name)
        if bucket is None:
            raise BucketMissingError(name)
        if bucket.forbidden:
            raise BucketForbiddenError(name)
        return bucket

    def find(self, name: str) -> Bucket | None:
        """The bucket of that name, forbidden or not."""
        if not _NAME.fullmatch(name):
            return None
        folder = self.root / name
        if not folder.is_dir() or folder.is_symlink():
            return None
        said = self._settings.get().get(name, {})
        members = tuple(str(member).upper() for member in said.get("data_locations", ()))
        location = Location(str(said.get("location", DEFAULT_LOCATION)).upper(), members)
        return Bucket(name, folder, location, bool(said.get("forbidden", False)))

    def all(self) -> list[Bucket]:
        found = (self.find(folder.name) for folder in sorted(self.root.iterdir()))
        return [bucket for bucket in found if bucket is not None]


def _parse(loaded: Any) -> dict[str, dict[str, Any]]:
    buckets = loaded.get("buckets", {}) if isinstance(loaded, dict) else None
    if not isinstance(buckets, dict) or set(loaded) - {"buckets"}:
        raise ConfigError("must be one map, `buckets`, from bucket names to settings")
    for name, settings in buckets.items():
        _check(str(name), settings)
    return {str(name): settings or {} for name, settings in buckets.items()}


def _check(name: str, settings: Any) -> None:
    if settings is not None and not isinstance(settings, dict):
        raise ConfigError(f"buckets.{name}: must be a map")
    unknown = sorted(set(settings or {}) - _KEYS)
    if unknown:
        raise ConfigError(f"buckets.{name}.{unknown[0]}: unknown key; known are {', '.join(sorted(_KEYS))}")
    members = (settings or {}).get("data_locations", [])
    if members and (not isinstance(members, list) or len(members) != 2):  # noqa: PLR2004 - a pair is two.
        raise ConfigError(f"buckets.{name}.data_locations: must name two regions")
