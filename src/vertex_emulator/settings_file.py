"""A YAML file of settings that may be changed by hand while the emulator runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from vertex_emulator.errors import ConfigError

_log = logging.getLogger(__name__)
_Settings = TypeVar("_Settings")


class SettingsFile(Generic[_Settings]):
    """What the file says, read again when it changes. A broken file is logged once, and the old settings stay.

    `parse` makes the settings from the loaded YAML, or raises ConfigError; `{}` stands for a file that is not there.
    A file that is broken from the beginning raises ConfigError here. All calls block.
    """

    def __init__(self, path: Path, parse: Callable[[Any], _Settings]) -> None:
        self._path, self._parse = path, parse
        self._read_at: tuple[int, int] | None = None
        self._settings = self._read()

    def get(self) -> _Settings:
        if self._stamp() != self._read_at:
            try:
                self._settings = self._read()
            except ConfigError as error:
                _log.warning("kept the settings as they were: %s", error)
        return self._settings

    def _read(self) -> _Settings:
        # Marked as read before it is understood: a broken file is reported once, not with every request.
        self._read_at = self._stamp()
        try:
            text = self._path.read_text(encoding="utf-8") if self._read_at is not None else ""
            loaded = yaml.safe_load(text)
            return self._parse({} if loaded is None else loaded)
        except (yaml.YAMLError, UnicodeDecodeError, ConfigError, OSError) as error:
            raise ConfigError(f"{self._path.name}: {error}") from error

    def _stamp(self) -> tuple[int, int] | None:
        if not self._path.is_file():
            return None
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size
