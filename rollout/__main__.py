"""`make rollout`: restart and upgrade a fleet under load; ends with 1 where any call has failed."""

import asyncio
import copy
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import yaml

from bench.stage import bench_policy, make_buckets
from gateway.store import migrate
from gateway.store.embedded import EmbeddedPostgres
from rollout.fleet import REPLICAS, Fleet
from rollout.load import Load
from rollout.versions import Version, this_version, version_before
from vertex_emulator import Emulator, EmulatorConfig

T = TypeVar("T")
ROW = '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'


async def main() -> int:
    """Set the stage, roll, and say what was seen."""
    with tempfile.TemporaryDirectory(prefix="gateway-rollout-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user where root runs this.
        before, now = version_before(folder / "before"), this_version()
        postgres = EmbeddedPostgres(tcp=True)
        await asyncio.to_thread(postgres.start)
        try:
            await migrate.upgrade(postgres.tcp_url, before.schema)
            return await _roll(folder, postgres.tcp_url, before, now)
        finally:
            await asyncio.to_thread(postgres.stop)


async def _roll(folder: Path, url: str, before: Version, now: Version) -> int:
    policy = bench_policy(1, queued_jobs=1_000_000, active_jobs=8)
    policy["teams"]["team-00"]["members"] = {"submitters": ["dev:team-00"]}
    buckets = make_buckets(folder, policy)
    (buckets / "team-00-in" / "rows.jsonl").write_text(ROW, encoding="utf-8")
    (folder / "policy.yaml").write_text(yaml.safe_dump(copy.deepcopy(policy)), encoding="utf-8")
    async with Emulator(EmulatorConfig(buckets)) as emulator:
        fleet = Fleet.of(folder, _settings(folder, url, emulator))
        load = Load(fleet.target)
        codes: list[int] = []
        try:
            await fleet.start(before)
            running = asyncio.create_task(load.run())
            await _timed(f"migrate from {before.schema} to {now.schema} under load", migrate.upgrade(url))
            codes += await _timed(f"upgrade {REPLICAS} replicas, {before.name}", fleet.roll(now))
            codes += await _timed(f"restart {REPLICAS} replicas", fleet.roll(now))
            load.end()
            await running
        finally:
            await fleet.stop()
    return _told(load, codes)


def _settings(folder: Path, url: str, emulator: Emulator) -> dict[str, str]:
    return {
        "NAME": "rollout",
        "POLICY": str(folder / "policy.yaml"),
        "DATABASE_URL": url,
        "INSECURE": "true",
        "VERTEX_EMULATOR": emulator.target,
        "STORAGE_ENDPOINT": emulator.storage_url,
        "STORAGE_PROJECT": "corp-ml",
        # Clients hold their connections, and nothing tells them of an endpoint that is unready: less than in a cluster.
        "DRAIN_DELAY": "1s",
    }


async def _timed(what: str, work: Awaitable[T]) -> T:
    begun = time.monotonic()
    result = await work
    print(f"  {what}: {time.monotonic() - begun:.1f} s", flush=True)
    return result


def _told(load: Load, codes: list[int]) -> int:
    seen = load.seen
    failed = len(seen.failures) + seen.missed() + sum(code != 0 for code in codes)
    for failure in seen.failures[:10]:
        print(f"  {failure}", file=sys.stderr)
    counts = " ".join(f"{kind}={number}" for kind, number in sorted(seen.calls.items()))
    repeated = ", ".join(f"{reason} {number}" for reason, number in seen.retried.most_common()) or "none"
    print(f"  repeated by the retry policy: {repeated}; exit codes other than 0: {sum(code != 0 for code in codes)}")
    print(f"rollout: replicas={REPLICAS} {counts} missed_by_watches={seen.missed()} failed={failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
