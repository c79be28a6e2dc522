"""The datasets and tables: folders and JSONL files in one folder, with what `tables.yaml` there says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vertex_emulator.errors import ConfigError
from vertex_emulator.settings_file import SettingsFile

_Settings = dict[str, dict[str, dict[str, Any]]]
_PROJECT = re.compile(r"(?:[a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{0,62}")
_DATASET = re.compile(r"\w{1,200}", re.ASCII)
_TABLE = re.compile(r"[\w -]{1,200}")
_MAX_NAME_BYTES = 200
"""Of a table, so that its file can have the name; BigQuery itself takes 1,024."""

_KEYS = {"datasets": {"location", "forbidden"}, "tables": {"type"}}
_TYPES = ("TABLE", "VIEW", "MATERIALIZED_VIEW", "EXTERNAL", "SNAPSHOT")
_MULTI_REGIONS = {"us", "eu"}
DEFAULT_LOCATION = "us-central1"
SETTINGS_FILE = "tables.yaml"


class DatasetMissingError(Exception):
    """There is no such dataset; the message is its name."""


class DatasetForbiddenError(Exception):
    """The dataset is there, and closed to everybody; the message is its name."""


class TableMissingError(Exception):
    """There is no such table; the message is its name."""


@dataclass(frozen=True)
class Dataset:
    """One dataset: its names, its folder, and where it pretends to lie."""

    project: str
    id: str
    folder: Path
    location: str = DEFAULT_LOCATION
    forbidden: bool = False

    @property
    def name(self) -> str:
        """`project:dataset`, as BigQuery's own messages write it."""
        return f"{self.project}:{self.id}"


@dataclass(frozen=True)
class Table:
    """One table, view or whatever else `type` says. A view needs no file; it has no rows here."""

    dataset: Dataset
    id: str
    type: str = "TABLE"

    @property
    def name(self) -> str:
        return f"{self.dataset.name}.{self.id}"

    @property
    def path(self) -> Path:
        """The rows, a JSON object in each line."""
        return self.dataset.folder / f"{self.id}.jsonl"

    @property
    def schema_path(self) -> Path:
        """The columns, as `bq` reads them from a file; there where somebody has written it."""
        return self.dataset.folder / f"{self.id}.schema.json"


class Datasets:
    """The folder of datasets. It may be changed by hand at any time; what is asked is read afresh. All calls block.

    `root` None is a BigQuery without any dataset.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = None if root is None else root.resolve()
        self._settings: SettingsFile[_Settings] | None = None
        if self.root is not None:
            self.root.mkdir(parents=True, exist_ok=True)
            self._settings = SettingsFile(self.root / SETTINGS_FILE, _parse)

    def open(self, project: str, dataset: str) -> Dataset:
        """The dataset, if it may be used; DatasetMissingError or DatasetForbiddenError if not."""
        found = self.find(project, dataset)
        if found is None:
            raise DatasetMissingError(f"{project}:{dataset}")
        if found.forbidden:
            raise DatasetForbiddenError(found.name)
        return found

    def find(self, project: str, dataset: str) -> Dataset | None:
        """The dataset of that name, forbidden or not."""
        folder = self.folder(project, dataset)
        if self.root is None or folder is None or not folder.is_dir() or not folder.resolve().is_relative_to(self.root):
            return None
        said = self._said("datasets").get(f"{project}.{dataset}", {})
        location = str(said.get("location", DEFAULT_LOCATION)).lower()
        shown = location.upper() if location in _MULTI_REGIONS else location
        return Dataset(project, dataset, folder, shown, bool(said.get("forbidden", False)))

    def folder(self, project: str, dataset: str) -> Path | None:
        """Where the dataset is, or would be; None where no dataset can have that name."""
        if self.root is None or not (_PROJECT.fullmatch(project) and _DATASET.fullmatch(dataset)):
            return None
        return self.root / project / dataset

    def table(self, dataset: Dataset, name: str) -> Table:
        """The table; TableMissingError where there is none."""
        table = self.new_table(dataset, name)
        said = self._said("tables").get(f"{dataset.project}.{dataset.id}.{name}", {})
        if table is None or not (said or _is_own_file(table)):
            raise TableMissingError(f"{dataset.name}.{name}")
        return Table(dataset, name, str(said.get("type", "TABLE")))

    def new_table(self, dataset: Dataset, name: str) -> Table | None:
        """The table that would have that name; None where none can."""
        fits = _TABLE.fullmatch(name) and len(name.encode()) <= _MAX_NAME_BYTES
        return Table(dataset, name) if fits else None

    def tables(self, dataset: Dataset) -> Iterator[Table]:
        """All that a dataset holds, by name."""
        prefix = f"{dataset.project}.{dataset.id}."
        named = {key.removeprefix(prefix) for key in self._said("tables") if key.startswith(prefix)}
        for name in sorted({path.stem for path in dataset.folder.glob("*.jsonl")} | named):
            try:
                yield self.table(dataset, name)
            except TableMissingError:
                continue

    def all(self, project: str) -> Iterator[Dataset]:
        """All datasets of a project, by name."""
        if self.root is None or not _PROJECT.fullmatch(project) or not (self.root / project).is_dir():
            return
        for folder in sorted((self.root / project).iterdir()):
            if (dataset := self.find(project, folder.name)) is not None:
                yield dataset

    def _said(self, kind: str) -> dict[str, dict[str, Any]]:
        """What the settings file says of all datasets, or of all tables."""
        return self._settings.get().get(kind, {}) if self._settings is not None else {}


def _is_own_file(table: Table) -> bool:
    return table.path.is_file() and not table.path.is_symlink()


def _parse(loaded: Any) -> _Settings:
    if not isinstance(loaded, dict) or not set(loaded) <= set(_KEYS):
        raise ConfigError("must have the maps `datasets` and `tables`, and nothing else")
    return {str(kind): dict(_entries(str(kind), entries)) for kind, entries in loaded.items()}


def _entries(kind: str, entries: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(entries, dict):
        raise ConfigError(f"{kind}: must be a map from names to settings")
    for name, said in entries.items():
        if said is not None and not isinstance(said, dict):
            raise ConfigError(f"{kind}.{name}: must be a map")
        unknown = sorted(set(said or {}) - _KEYS[kind])
        if unknown:
            raise ConfigError(f"{kind}.{name}.{unknown[0]}: unknown key; known are {', '.join(sorted(_KEYS[kind]))}")
        if (said or {}).get("type", "TABLE") not in _TYPES:
            raise ConfigError(f"{kind}.{name}.type: must be one of {', '.join(_TYPES)}")
        yield str(name), said or {}
