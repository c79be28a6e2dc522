"""One run of one regime: set the stage, let callers and faults loose, let all come to rest, and gather the evidence."""

import asyncio
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from chaos import faults, history
from chaos.audit.evidence import Evidence
from chaos.callers import Callers
from chaos.faults import Happened, Stage
from chaos.fleet import Fleet
from chaos.plan import Planned, plan
from chaos.policies import PolicyFile
from chaos.sizes import LIST_LAG, POLL, REPLICAS, SETTLE, SWEEP, Regime, Size
from chaos.vertex import Vertex, vertex_process
from gateway.store import migrate
from gateway.store.embedded import EmbeddedPostgres

ROW = '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'
LOOK_SECONDS = 1.0


async def run(seed: int, regime: Regime, size: Size, folder: Path) -> tuple[Evidence, int]:
    """The evidence of a run, which leaves logs and journals in `folder`, and how many faults met what they should."""
    async with AsyncExitStack() as stack:
        stage = await _set_stage(stack, seed, size, folder)
        began = time.time()
        happened = await _faults(stage, plan(seed, regime, size))
        met = sum(each.really for each in happened)
        _say(f"{len(happened)} faults, {met} of them met what they were meant for; {_missed(happened)}")
        rested = await _rest(stage, size)
        _say(f"at rest after {time.time() - began:.0f} s" if rested else "it has not come to rest")
        await asyncio.sleep(2 * SETTLE + SWEEP + 2 * POLL if regime is Regime.BEYOND else SWEEP + 2 * POLL)
        return await _gather(stage, regime, happened), met


def _missed(happened: list[Happened]) -> str:
    """The kinds of faults of which some found nothing to befall, with how many of how many."""
    planned = Counter(each.planned.kind for each in happened)
    missed = Counter(each.planned.kind for each in happened if not each.really)
    return (
        "; ".join(f"missed {count} of {planned[kind]}: {kind}" for kind, count in missed.most_common()) or "none missed"
    )


async def _set_stage(stack: AsyncExitStack, seed: int, size: Size, folder: Path) -> Stage:
    await asyncio.to_thread(folder.chmod, 0o711)
    postgres = EmbeddedPostgres(folder / "postgres", tcp=True)
    stack.push_async_callback(asyncio.to_thread, postgres.stop)
    await asyncio.to_thread(postgres.start)
    await migrate.upgrade(postgres.tcp_url)
    await history.install(postgres.tcp_url)
    policy = PolicyFile(folder / "policy.yaml", size.teams)
    vertex = await stack.enter_async_context(vertex_process(folder, _buckets(folder, policy.teams)))
    values = {"POLICY": str(policy.path), "STORAGE_ENDPOINT": vertex.storage_url, "STORAGE_PROJECT": "corp-ml"}
    fleet = await Fleet.make(
        folder, REPLICAS, values, lambda: ("127.0.0.1", postgres.port), postgres.tcp_url, lambda: vertex.address
    )
    stack.push_async_callback(fleet.stop)
    await fleet.start()
    callers = Callers(folder, size, f"127.0.0.1:{fleet.service.port}", str(seed), policy.teams)
    stack.push_async_callback(callers.stop)
    await callers.start()
    return Stage(postgres, fleet, vertex, policy, callers)


def _buckets(folder: Path, teams: list[str]) -> Path:
    buckets = folder / "buckets"
    for team in teams:
        (buckets / f"{team}-in").mkdir(parents=True)
        (buckets / f"{team}-out").mkdir()
        (buckets / f"{team}-in" / "rows.jsonl").write_text(ROW, encoding="utf-8")
    return buckets


async def _faults(stage: Stage, planned: tuple[Planned, ...]) -> list[Happened]:
    began = time.monotonic()
    keeping = asyncio.ensure_future(_keep_up(stage.fleet))

    async def one(each: Planned) -> Happened:
        await asyncio.sleep(max(0.0, each.at - (time.monotonic() - began)))
        return await faults.carry_out(stage, each)

    try:
        return list(await asyncio.gather(*(one(each) for each in planned)))
    finally:
        keeping.cancel()


async def _keep_up(fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for replica in fleet.replicas:
            await replica.keep_up()


async def _rest(stage: Stage, size: Size) -> bool:
    """Wait until the callers have all they wanted and nothing is open; False where nothing has moved for long.

    How fast it goes is the machine's affair: only what does not move at all is stuck.
    """
    keeping = asyncio.ensure_future(_keep_up(stage.fleet))
    moved, seen = time.monotonic(), -1
    try:
        while time.monotonic() < moved + size.patience:
            if stage.callers.done() and not await history.open_jobs(stage.postgres.tcp_url):
                return True
            if (changes := await history.changes(stage.postgres.tcp_url)) != seen:
                moved, seen = time.monotonic(), changes
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        keeping.cancel()
    return False


async def _gather(stage: Stage, regime: Regime, happened: list[Happened]) -> Evidence:
    journals: list[dict[str, Any]] = [line for lines in stage.callers.journals().values() for line in lines]
    store = await history.dump(stage.postgres.tcp_url)
    vertex: Vertex = stage.vertex
    return Evidence.of(
        within=regime is Regime.WITHIN,
        settle=SETTLE,
        list_lag=LIST_LAG,
        store=store,
        journal=journals,
        calls=await vertex.calls(),
        jobs=await vertex.jobs(),
        gone=await vertex.gone(),
        policies=stage.policy.versions,
        found=stage.fleet.told_duplicates(),
        by_hand=vertex.by_hand,
        healed=[each.over for each in happened if each.really],
    )


def _say(text: str) -> None:
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()
