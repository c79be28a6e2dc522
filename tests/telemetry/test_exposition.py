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


async def exchange(port: int, request: bytes) -> bytes:
    """The head of the answer to these very bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /metrics HTTP/1.1\r\n" + 101 * b"x: y\r\n" + b"\r\n", b"431"),
        (b"GET /" + 65_536 * b"x" + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
async def test_no_answer_names_the_software(request_: bytes, code: bytes):
    async with MetricsListener(CollectorRegistry(), "127.0.0.1", 0) as listener:
        head = await exchange(listener.port, request_)
    assert code in head.splitlines()[0]
    assert b"Date:" in head
    assert b"\nServer:" not in head
    assert b"python" not in head.lower()


async def test_metrics_are_read_over_the_sixth_version_of_ip_too():
    async with MetricsListener(CollectorRegistry(), "::1", 0) as listener:
        _, writer = await asyncio.open_connection("::1", listener.port)
        writer.close()
        await writer.wait_closed()
