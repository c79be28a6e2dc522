"""Fixtures of the proof."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.store.database import Database
from support.controller import World, emulator_config
from support.schedules.stage import Stage
from vertex_emulator import Emulator


@pytest.fixture
async def stage(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A database and an emulator on which schedules can be played."""
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(emulator_config(tmp_path)))
        world = World(database, database_url, emulator, stack)
        await world.drive()
        yield await stack.enter_async_context(Stage.open(world, database_url))
