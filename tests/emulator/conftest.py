"""An emulator on a driven clock, and Google's own clients connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud import storage
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.services.job_service.transports import JobServiceGrpcAsyncIOTransport

from emulator.helpers import row, storage_client, write_rows
from vertex_emulator import ClockKind, Emulator, EmulatorConfig

Start = Callable[..., Awaitable[Emulator]]


@pytest.fixture(autouse=True)
def _no_calls_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's storage client looks up each bucket that it meets once more, in a thread, unless it is told not to."""
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an input bucket that holds a small input, and an output bucket."""
    for name in ("team-in", "team-out"):
        (tmp_path / name).mkdir()
    write_rows(tmp_path / "team-in" / "input.jsonl", [row(f"Tell me about river {n}") for n in range(10)])
    return tmp_path


@pytest.fixture
async def start(folder: Path) -> AsyncIterator[Start]:
    """Starts emulators with the settings that a test asks for, on a driven clock unless it asks for another."""
    started: list[Emulator] = []

    async def begin(**settings: Any) -> Emulator:
        emulator = Emulator(EmulatorConfig(**{"buckets": folder, "clock": ClockKind.DRIVEN, "seed": 1, **settings}))
        started.append(emulator)
        await emulator.start()
        return emulator

    yield begin
    for emulator in started:
        await emulator.stop()


@pytest.fixture
async def emulator(start: Start) -> Emulator:
    return await start()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[Emulator], JobServiceAsyncClient]]:
    """Makes Google's client for an emulator."""
    channels: list[grpc.aio.Channel] = []

    def make(emulator: Emulator) -> JobServiceAsyncClient:
        channel = grpc.aio.insecure_channel(emulator.target)
        channels.append(channel)
        return JobServiceAsyncClient(transport=JobServiceGrpcAsyncIOTransport(channel=channel))

    yield make
    for channel in channels:
        await channel.close()


@pytest.fixture
def client(emulator: Emulator, connect: Callable[[Emulator], JobServiceAsyncClient]) -> JobServiceAsyncClient:
    return connect(emulator)


@pytest.fixture
def gcs(emulator: Emulator) -> Iterator[storage.Client]:
    """Google's storage client. It blocks, so tests call it through `asyncio.to_thread`."""
    client = storage_client(emulator)
    yield client
    client.close()
