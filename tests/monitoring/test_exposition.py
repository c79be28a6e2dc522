"""What Prometheus's own linter says of a real scrape."""

import asyncio
import subprocess
from urllib.request import urlopen

from support.caller import ENDS, batch_job, refusal
from support.gateway import StartGateway


def scrape(port: int) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return bytes(answer.read())


def judged(promtool: str, text: bytes) -> str:
    return subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False).stderr.decode()


async def test_promtool_finds_no_fault_with_a_real_scrape(start_gateway: StartGateway, promtool: str):
    gateway = await start_gateway(poll_interval="100ms", emulator={"pending_seconds": 0.1, "run_seconds": 0.1})
    caller = gateway.caller("ranking")
    await refusal(caller.create(batch_job(region="europe-west4")))
    job = await caller.create()
    await caller.watch(job.name).until(*ENDS)
    text = await asyncio.to_thread(scrape, gateway.app.metrics_port)
    for name in ("batchjobs_admissions_total{", "batchjobs_pool_capacity{", "batchjobs_job_duration_seconds_bucket{"):
        assert name.encode() in text
    assert judged(promtool, text) == ""


def test_promtool_does_find_faults(promtool: str):
    assert "no help text" in judged(promtool, b"batchjobs_seconds_total 1\n")
