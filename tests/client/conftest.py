"""The scripted gateway on a real connection, and the command run against it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from batchjobs.client import Client
from client.scripted import Gateway, Ran, Run, run_here


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    servicer = Gateway()
    await servicer.start()
    yield servicer
    await servicer.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    async with Client(gateway.endpoint, team="ranking", insecure=True) as client:
        yield client


@pytest.fixture
def run(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as the team ranking against the scripted gateway."""
    monkeypatch.setenv("BATCHJOBS_ENDPOINT", gateway.endpoint)
    monkeypatch.setenv("BATCHJOBS_TEAM", "ranking")
    monkeypatch.setenv("BATCHJOBS_INSECURE", "1")

    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(run_here, list(arguments))

    return run
