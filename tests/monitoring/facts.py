"""What happened, by everything but the metrics: the store's rows, the log's lines, the emulator's record of calls."""

import json
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any, Self

import asyncpg

from examples.demo.stage import Stage

TRANSITIONS = "SELECT team, x->>'state' AS state FROM batch_jobs, jsonb_array_elements(transitions) x"
ROWS = """
SELECT team, key, sum(value::int) AS count FROM batch_jobs, jsonb_each_text(row_counts)
WHERE end_time IS NOT NULL GROUP BY team, key
"""
OPEN = """
SELECT team, pool, state, count(*), min(state_time) AS since FROM batch_jobs
WHERE end_time IS NULL GROUP BY team, pool, state
"""
ENDED = """
SELECT team, state, spec->>'model' AS model, count(*) FROM batch_jobs WHERE end_time IS NOT NULL GROUP BY 1, 2, 3
"""
CREATED = "SELECT team, count(*) FROM batch_jobs GROUP BY team"


@dataclass(frozen=True)
class Facts:
    """Counts at one moment. `calls` are by (method, code) of the API, `refused` by reason, `vertex` by method."""

    open: Counter[tuple[str, str, str]]
    oldest: Counter[tuple[str, str]]
    ended: Counter[tuple[str, str, str]]
    moves: Counter[str]
    rows: Counter[tuple[str, str]]
    created: Counter[str]
    calls: Counter[tuple[str, str]]
    refused: Counter[str]
    loops: Counter[str]
    adopted: Counter[str]
    vertex: Counter[str]

    @classmethod
    async def read(cls, stage: Stage) -> Self:
        return cls(**await _of_store(stage), **_of_log(stage), vertex=await _of_emulator(stage))

    def since(self, earlier: Self) -> Self:
        """What has been added; gauges stay as they are."""
        kept = {"open", "oldest"}
        grown = {f.name: getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self) if f.name not in kept}
        return type(self)(open=self.open, oldest=self.oldest, **grown)


async def _of_store(stage: Stage) -> dict[str, Counter[Any]]:
    connection = await asyncpg.connect(stage.stack.app.settings.database_url.get_secret_value())
    try:
        now = await connection.fetchval("SELECT store_clock()")
        open_rows = await connection.fetch(OPEN)
        oldest = Counter[tuple[str, str]]()
        for row in open_rows:
            key = (row["pool"], row["state"])
            oldest[key] = max(oldest[key], round((now - row["since"]).total_seconds()))
        return {
            "open": Counter({(r["team"], r["pool"], r["state"]): r["count"] for r in open_rows}),
            "oldest": oldest,
            "ended": Counter({(r["team"], r["state"], r["model"]): r["count"] for r in await connection.fetch(ENDED)}),
            "moves": Counter(row["state"] for row in await connection.fetch(TRANSITIONS)),
            "rows": Counter({(r["team"], r["key"]): r["count"] for r in await connection.fetch(ROWS)}),
            "created": Counter({r["team"]: r["count"] for r in await connection.fetch(CREATED)}),
        }
    finally:
        await connection.close()


def _of_log(stage: Stage) -> dict[str, Counter[Any]]:
    lines = [json.loads(line) for line in (stage.stack.state / "gateway.log").read_text().splitlines()]
    rpcs = [line for line in lines if line["event"] == "rpc" and line["method"].startswith("batchjobs")]
    refused = [line["reason"] for line in rpcs if line["method"].endswith("CreateBatchJob") and "reason" in line]
    adopted = [line for line in lines if line["event"] == "vertex_job_adopted" and line["was"] == "SUBMITTING"]
    return {
        "calls": Counter((line["method"].rpartition("/")[2], line["code"]) for line in rpcs),
        "refused": Counter(refused),
        "loops": Counter(line["loop"] for line in lines if line["event"] == "loop_failed"),
        "adopted": Counter({"found": len(adopted)}),
    }


async def _of_emulator(stage: Stage) -> Counter[str]:
    calls = await stage._fetch_json(f"{stage.stack.emulator.storage_url}/emulator/calls")
    names = {
        "CreateBatchPredictionJob": "create",
        "GetBatchPredictionJob": "get",
        "ListBatchPredictionJobs": "list",
        "CancelBatchPredictionJob": "cancel",
        "DeleteBatchPredictionJob": "delete",
    }
    return Counter(names[call["method"]] for call in calls if call["method"] in names)
