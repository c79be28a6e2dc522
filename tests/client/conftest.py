"""The scripted gateway on a real connection, and the command run against it."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from batchjobs.v1 import batch_jobs_pb2_grpc
from client.scripted import Gateway, Ran, Run, run_here


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    server = grpc.aio.server()
    servicer = Gateway()
    batch_jobs_pb2_grpc.add_BatchJobsServicer_to_server(servicer, server)
    servicer.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield servicer
    await server.stop(0)


@pytest.fixture
def run(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as the team ranking against the scripted gateway."""
    monkeypatch.setenv("BATCHJOBS_ENDPOINT", gateway.endpoint)
    monkeypatch.setenv("BATCHJOBS_TEAM", "ranking")

    async def run(*arguments: str) -> Ran:
        return await asyncio.to_thread(run_here, list(arguments))

    return run
