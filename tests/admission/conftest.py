"""Buckets and datasets of every kind in an emulator, and the place check connected to it through Google's clients."""

import pytest

from admission.samples import DATASETS, LOCATIONS, SIZE, TYPES, Unseen
from gateway.admission.place import Placer
from gateway.cloud.bigquery import BigQueryPlaces
from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.storage import StoragePlaces
from vertex_emulator import ClockKind, Emulator, EmulatorConfig


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "buckets"
    for bucket in LOCATIONS:
        (root / bucket).mkdir(parents=True)
        (root / bucket / "rows.jsonl").write_bytes(b"x" * SIZE)
    lines = [f"  {bucket}: {{{location}}}" for bucket, location in LOCATIONS.items()]
    (root / "buckets.yaml").write_text("\n".join(["buckets:", *lines]))
    return root


@pytest.fixture
def tables(tmp_path):
    """The folder of tables; everything is in the project corp-ranking."""
    root = tmp_path / "tables"
    for dataset in DATASETS:
        (root / "corp-ranking" / dataset).mkdir(parents=True)
        (root / "corp-ranking" / dataset / "rows.jsonl").write_bytes(b"{}\n" * SIZE)
    lines = [f"  corp-ranking.{dataset}: {{{location}}}" for dataset, location in DATASETS.items()]
    kinds = [f"  corp-ranking.us_central1.{name}: {{type: {kind}}}" for name, kind in TYPES.items()]
    (root / "tables.yaml").write_text("\n".join(["datasets:", *lines, "tables:", *kinds]))
    return root


@pytest.fixture
async def emulator(folder, tables):
    async with Emulator(EmulatorConfig(buckets=folder, tables=tables, clock=ClockKind.DRIVEN)) as running:
        yield running


@pytest.fixture
async def connect(emulator):
    """Makes place checks with the options of look-ups that a test asks for."""
    made = []

    async def connect(**options):
        storage = StoragePlaces(LookupOptions(endpoint=emulator.storage_url, **options), Unseen())
        bigquery = BigQueryPlaces(LookupOptions(endpoint=emulator.bigquery_url, **options), Unseen())
        made.extend([storage, bigquery])
        await storage.warm()
        await bigquery.warm()
        return Placer(storage, bigquery)

    yield connect
    for places in made:
        await places.close()


@pytest.fixture
async def placer(connect):
    return await connect()
