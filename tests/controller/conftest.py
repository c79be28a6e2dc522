"""Fixtures of the controller's tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.store.database import Database
from support.controller import World, emulator_config
from vertex_emulator import Emulator


@pytest.fixture
def emulating() -> dict[str, Any]:
    """Settings of the emulator; a test may have its own by `@pytest.mark.parametrize("emulating", …)`."""
    return {}


@pytest.fixture
async def world(
    database: Database, database_url: str, tmp_path: Path, emulating: dict[str, Any]
) -> AsyncIterator[World]:
    """A fresh database, an emulator and one clock."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(emulator_config(tmp_path, **emulating)))
        made = World(database, database_url, emulator, stack)
        await made.drive()
        yield made
