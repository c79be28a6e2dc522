"""The metrics listener."""

import asyncio
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from gateway.telemetry.exposition import MetricsListener
from gateway.telemetry.metrics import Metrics


def scrape(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


async def test_metrics_are_read_over_http():
    metrics = Metrics(CollectorRegistry())
    metrics.vertex.resolved("found")
    async with MetricsListener(metrics.registry, "127.0.0.1", 0) as listener:
        text = await asyncio.to_thread(scrape, listener.port)
    assert 'batchjobs_submits_resolved_total{how="found"} 1.0' in text


async def test_creation_times_do_not_double_the_series():
    async with MetricsListener(CollectorRegistry(), "127.0.0.1", 0) as listener:
        metrics = Metrics(CollectorRegistry())
        metrics.vertex.duplicate()
        assert "_created" not in await asyncio.to_thread(scrape, listener.port)


async def test_a_taken_port_is_an_error_at_the_start():
    async with MetricsListener(CollectorRegistry(), "127.0.0.1", 0) as listener:
        with pytest.raises(OSError, match="in use"):
            await MetricsListener(CollectorRegistry(), "127.0.0.1", listener.port).__aenter__()


async def test_the_port_is_free_again_afterwards():
    async with MetricsListener(CollectorRegistry(), "127.0.0.1", 0) as listener:
        port = listener.port
    async with MetricsListener(CollectorRegistry(), "127.0.0.1", port) as again:
        assert again.port == port
