"""The buckets: each subfolder of one folder, with what `buckets.yaml` in that folder says of it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from vertex_emulator.errors import ConfigError
from vertex_emulator.storage.places import Location

_log = logging.getLogger(__name__)
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
        self._settings: dict[str, dict[str, Any]] = {}
        self._read_at: tuple[int, int] | None = None
        self._refresh()

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
        self._refresh_or_keep()
        said = self._settings.get(name, {})
        members = tuple(str(member).upper() for member in said.get("data_locations", ()))
        location = Location(str(said.get("location", DEFAULT_LOCATION)).upper(), members)
        return Bucket(name, folder, location, bool(said.get("forbidden", False)))

    def all(self) -> list[Bucket]:
        found = (self.find(folder.name) for folder in sorted(self.root.iterdir()))
        return [bucket for bucket in found if bucket is not None]

    def _refresh_or_keep(self) -> None:
        try:
            self._refresh()
        except ConfigError as error:
            _log.warning("kept the settings of the buckets as they were: %s", error)

    def _refresh(self) -> None:
        path = self.root / SETTINGS_FILE
        if not path.is_file():
            self._settings, self._read_at = {}, None
            return
        stat = path.stat()
        if self._read_at == (stat.st_mtime_ns, stat.st_size):
            return
        # Marked as read before it is understood: a broken file is reported once, not with every request.
        self._read_at = (stat.st_mtime_ns, stat.st_size)
        self._settings = _parse(path)


def _parse(path: Path) -> dict[str, dict[str, Any]]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    buckets = loaded.get("buckets") if isinstance(loaded, dict) else None
    if not isinstance(buckets, dict) or len(loaded) != 1:
        raise ConfigError(f"{path.name}: must be one map, `buckets`, from bucket names to settings")
    for name, settings in buckets.items():
        _check(path.name, str(name), settings)
    return {str(name): settings or {} for name, settings in buckets.items()}


def _check(file: str, name: str, settings: Any) -> None:
    if settings is not None and not isinstance(settings, dict):
        raise ConfigError(f"{file}: buckets.{name}: must be a map")
    unknown = sorted(set(settings or {}) - _KEYS)
    if unknown:
        raise ConfigError(f"{file}: buckets.{name}.{unknown[0]}: unknown key; known are {', '.join(sorted(_KEYS))}")
    members = (settings or {}).get("data_locations", [])
    if members and (not isinstance(members, list) or len(members) != 2):  # noqa: PLR2004 - a pair is two.
        raise ConfigError(f"{file}: buckets.{name}.data_locations: must name two regions")
