"""What the fuzzed gateway stands on: two teams, one that is fuzzed and one whose work must go on."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from batchjobs.client import BatchJob, Client, GcsDestination, GcsSource
from bench.stage import Stage
from fuzz.values import FOREIGN, TEAM

ROW: Final = '{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'
SETTINGS: Final = {"POLL_INTERVAL": "1", "DISPATCH_INTERVAL": "1", "LOCATION_DEADLINE": "5", "VERTEX_API": "true"}
PATIENCE: Final = 120.0


def policy() -> dict[str, Any]:
    """The fuzzed team has quotas that it will meet; the steady one has what it needs."""
    return {
        "pools": [{"project": "corp-ml", "project_number": 123456789012, "region": "us-central1", "capacity": 8}],
        "aliases": {"flash": "gemini-2.5-flash"},
        "operators": ["jwt:corp:oncall"],
        "defaults": {"pools": ["corp-ml/*"], "models": ["gemini-*"]},
        "teams": {
            team: {
                "members": {"submitters": [f"dev:{team}"]},
                "sources": [f"gs://{team}-in/**", f"bq://corp-ml.{team}.*"],
                "destinations": [f"gs://{team}-out/**", f"bq://corp-ml.{team}.*"],
                "quotas": {"active_jobs": 4, "queued_jobs": 300},
            }
            for team in (TEAM, FOREIGN)
        },
    }


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """PostgreSQL, the emulator and the rows that plausible creates name."""
    async with Stage.set(folder, policy()) as ready:
        for team in (TEAM, FOREIGN):
            (folder / "buckets" / f"{team}-in" / "rows.jsonl").write_text(ROW * 3, encoding="utf-8")
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        yield ready


async def steady_batch_job(target: str) -> str:
    """The end state of a batch job of the team that nobody fuzzes."""
    async with Client(target, team=FOREIGN, insecure=True) as client:
        ended = await client.create_and_wait(
            BatchJob(
                model="gemini-2.5-flash",
                gcs_source=GcsSource(uri=f"gs://{FOREIGN}-in/rows.jsonl"),
                gcs_destination=GcsDestination(output_uri_prefix=f"gs://{FOREIGN}-out/results"),
            ),
            request_id="steady",
            timeout=PATIENCE,
        )
    return BatchJob.State.Name(ended.state)
