"""Buckets of every kind in an emulator, and the place check connected to it through Google's real client."""

import pytest

from admission.samples import LOCATIONS, SIZE, Unseen
from gateway.admission.place import Placer
from gateway.cloud.storage import StorageOptions, StoragePlaces
from vertex_emulator import ClockKind, Emulator, EmulatorConfig


@pytest.fixture
def folder(tmp_path):
    for bucket in LOCATIONS:
        (tmp_path / bucket).mkdir()
        (tmp_path / bucket / "rows.jsonl").write_bytes(b"x" * SIZE)
    lines = [f"  {bucket}: {{{location}}}" for bucket, location in LOCATIONS.items()]
    (tmp_path / "buckets.yaml").write_text("\n".join(["buckets:", *lines]))
    return tmp_path


@pytest.fixture
async def emulator(folder):
    async with Emulator(EmulatorConfig(buckets=folder, clock=ClockKind.DRIVEN)) as running:
        yield running


@pytest.fixture
async def storage(emulator):
    places = StoragePlaces(StorageOptions(endpoint=emulator.storage_url), Unseen())
    await places.warm()
    yield places
    await places.close()


@pytest.fixture
def placer(storage):
    return Placer(storage)
