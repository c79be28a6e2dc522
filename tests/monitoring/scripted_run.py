"""A real run to look at: the demo, then twice the same round of work, then a moment that stands still.

Counters that appear with their first count show no increase for it; so the first round makes every series there is, and
what the second one adds is what the dashboards must show.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.demo.caller import State
from examples.demo.scenes import batch_job
from examples.demo.script import SCENES
from examples.demo.stage import Stage
from monitoring.facts import Facts
from monitoring.prometheus_server import Prometheus, scraping

TEAM, POOL = "ranking", "corp-ml/us-central1"
CAPACITY = {POOL: 4, "corp-ml/europe-west4": 2}
"""As the demo's policy has it."""

FEW = "gs://ranking-in/few.jsonl"
OUT = "gs://ranking-out/observed"


@dataclass(frozen=True)
class Run:
    """What the dashboards are held to: the counts of `facts` grew within the last `window` seconds before `at`."""

    prometheus: Prometheus
    at: float
    window: int
    facts: Facts
    created: Counter[str]
    """By team, since the beginning of the run."""
    instance: str


@asynccontextmanager
async def observed_run(prometheus: str, folder: Path) -> AsyncIterator[Run]:
    async with Stage.open() as stage:
        with scraping(prometheus, stage.stack.app.metrics_port, folder) as scraper:
            for scene in SCENES:
                await scene(stage)
            _write_rows(stage)
            await _round(stage, "first")
            await scraper.scraped()
            before, began = await Facts.read(stage), time.time()
            await scraper.scraped()
            await _round(stage, "second")
            async with aclosing(stage.caller(TEAM).watch_team()) as watch:
                await anext(watch)
                yield await _hold(stage, scraper, before, began)


def _write_rows(stage: Stage) -> None:
    buckets = stage.stack.buckets
    row = (buckets / "ranking-in" / "tickets.jsonl").read_text().splitlines()[0] + "\n"
    (buckets / "ranking-in" / "few.jsonl").write_text(row * 20)
    for bucket in ("ranking-in", "search-in"):
        (buckets / bucket / "long.jsonl").write_text(row * 30_000)


async def _round(stage: Stage, name: str) -> None:
    """One of everything: ends of three kinds, refusals, a lost answer, a list that fails."""
    caller = stage.caller(TEAM)
    await stage.script_fault(method="ListBatchPredictionJobs", kind="status", code="UNAVAILABLE")
    await stage.script_fault(method="CreateBatchPredictionJob", kind="drop_answer", display_name=f"lost {name}")
    jobs = [
        await caller.create(batch_job(FEW, OUT, display_name=f"lost {name}")),
        await caller.create(batch_job(FEW, OUT)),
        await caller.create(batch_job("gs://ranking-in/tickets-some-refused.jsonl", OUT)),
        await caller.create(batch_job(FEW, OUT)),
    ]
    await caller.cancel(jobs[-1].name)
    for region in ("europe-west4", "mars"):
        assert await caller.refused(batch_job(FEW, OUT, region=region))
    assert await caller.refused(batch_job("gs://search-in/queries.jsonl", OUT))
    ended = await asyncio.gather(*(caller.until(job.name) for job in jobs))
    assert Counter(job.state for job in ended) == {State.SUCCEEDED: 2, State.PARTIALLY_SUCCEEDED: 1, State.CANCELLED: 1}
    await caller.get(jobs[0].name)
    await caller.list()


async def _hold(stage: Stage, scraper: Prometheus, before: Facts, began: float) -> Run:
    """Fill the pool with what runs for minutes and queue more behind it; then nothing moves any more."""
    ranking, search = stage.caller("ranking"), stage.caller("search")
    for _ in range(5):  # Three may be active.
        await ranking.create(batch_job("gs://ranking-in/long.jsonl", OUT))
    for _ in range(2):  # One slot is left.
        await search.create(batch_job("gs://search-in/long.jsonl", "gs://search-out/observed"))
    await scraper.until("sum by (state) (batchjobs_jobs)", lambda seen: seen == {"QUEUED": 3, "RUNNING": 4})
    await scraper.scraped()
    at, facts = time.time(), await Facts.read(stage)
    instance = f"127.0.0.1:{stage.stack.app.metrics_port}"
    return Run(scraper, at, math.ceil(at - began), facts.since(before), facts.created, instance)
