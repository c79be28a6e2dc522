"""The page about the emulator says what is so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from vertex_emulator import Emulator, EmulatorConfig, FaultKind

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, without their marks."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1]
    lines = re.findall(r"^\|(.*)\|$", section.split("\n## ", 1)[0], re.MULTILINE)
    return [[cell.strip().strip("`") for cell in line.split("|")] for line in lines[2:]]


def written(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{}"
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)


def test_every_setting_is_on_the_page_with_its_default() -> None:
    defaults = {
        field.name: "required"
        if field.default is MISSING and field.default_factory is MISSING
        else written(field.default if field.default is not MISSING else {})
        for field in fields(EmulatorConfig)
    }
    assert {row[0]: row[1] for row in table("Settings")} == defaults


def test_every_kind_of_fault_is_on_the_page() -> None:
    assert [row[0] for row in table("Trouble, on demand")] == [kind.value for kind in FaultKind]


def test_every_route_that_a_fault_can_name_is_on_the_page(tmp_path: Path) -> None:
    emulator = Emulator(EmulatorConfig(buckets=tmp_path))
    page = PAGE.read_text(encoding="utf-8")
    names = emulator.route_names()
    assert names
    assert [name for name in names if f"`{name}`" not in page] == []
