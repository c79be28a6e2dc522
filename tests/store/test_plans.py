"""Finished batch jobs must not slow anything down: every query that a call or a loop waits for goes by an index."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import asyncpg
import pytest

from gateway.domain.filters import LabelTerm, StateTerm
from gateway.domain.states import State
from gateway.store import filters
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, NAMES, NEWS_OF_B
from support.database import run_sql

FINISHED = """
INSERT INTO batch_jobs (id, team, spec, pool, effective_model, creator, priority, source_bytes, create_time,
    state, state_time, revision, update_time, expire_time, vertex_name)
SELECT i, 'team-' || i % 50, '{}', 'p/r' || i % 4, 'm', 'c', 50, 0, now() - i * interval '1 minute',
    'SUCCEEDED', now(), i, now(), now() + interval '30 days', 'v'
FROM generate_series(1, 20000) i;
INSERT INTO batch_jobs (id, team, spec, pool, effective_model, creator, priority, source_bytes, create_time,
    state, state_time, revision, update_time, queue_deadline)
SELECT 1000000 + i, 'team-' || i % 50, '{}', 'p/r' || i % 4, 'm', 'c', 50, 0, now(),
    CASE WHEN i % 5 = 0 THEN 'RUNNING' ELSE 'QUEUED' END, now(), 1000000 + i, now(), now() + interval '1 day'
FROM generate_series(1, 500) i;
INSERT INTO request_ids (team, request_id, content_hash, batch_job_id, create_time)
SELECT 'team-' || i % 50, 'r' || i, 'h', i, now() FROM generate_series(1, 20000) i;
INSERT INTO teams (team, revision) SELECT 'team-' || i, 2000000 FROM generate_series(0, 49) i;
ANALYZE
"""

CALLS: dict[str, dict[str, tuple[Any, ...]]] = {
    "reads": {
        "wanted": ([5, 6], [0, 5], "x"),
        "page_of_team": ("team-1", 2**62, 50),
        "page": (2**62, 50),
        "live": ("team-1", 0, 100),
        "changes": ("team-1", 1000000, 100),
        "active_by_team": (),
        "open_in_pools": ("team-1",),
        "waits": ("team-1",),
    },
    "creates": {
        "standing": ("team-1",),
        "admission": ("team-1", ["r1"], 2),
        "known": ("team-1", ["r1", "r51"]),
        "known_anywhere": (["team-1"], ["r1"]),
    },
    "changes": {"read_locked": (5, "team-5"), "read": (5, "team-5")},
    "dispatches": {
        "counts": (),
        "heads": (["p/r1"], ["team-1"], [8]),
        "probes": ("p/r1",),
        "count_pool": ("p/r1",),
        "count_team": ("team-1",),
    },
    "sweeps": {
        "open_pools": (),
        "active": ("p/r1",),
        "by_id": ([5, 6],),
        "past_deadline": (10,),
        "past_retention": (10,),
        "to_delete": (10,),
        "census": (),
        "horizon": ("p/r1",),
    },
}
CASES = [(file, name) for file, queries in CALLS.items() for name in queries]

STATE, LABEL = StateTerm(State.RUNNING, equal=True), LabelTerm("run", "nightly", equal=True)


@pytest.fixture
async def crowded(database_url: str) -> str:
    await run_sql(database_url, FINISHED)
    return database_url


async def test_no_query_reads_the_whole_table(crowded: str) -> None:
    connection = await asyncpg.connect(crowded)
    whole = []
    for (file, name), columns in product(CASES, (COLUMNS_OF_B, NEWS_OF_B)):
        query = load(file, columns=columns, names=NAMES)[name]
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}", *CALLS[file][name]))
        if "Seq Scan on batch_jobs" in plan or "Seq Scan on request_ids" in plan:
            whole.append(f"{file}.{name}\n{plan}")
    await connection.close()
    assert not whole, "\n\n".join(whole)


async def test_a_pass_of_dispatch_looks_at_one_of_each_queue_and_not_at_what_lies_behind(crowded: str) -> None:
    """Four hundred wait in eighty queues."""
    connection = await asyncpg.connect(crowded)
    counts = load("dispatches")["counts"]
    rows = await connection.fetch(counts)
    plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {counts}"))[0]["Plan"]
    await connection.close()
    queues = sum(row["backlogged"] for row in rows)
    looks = [node for node in nodes(plan) if node.get("Index Name", "batch_jobs_active") != "batch_jobs_active"]
    assert queues == 80
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in looks) <= queues + 1


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("team", ["team-1", None])
async def test_a_filtered_page_reads_neither_the_whole_table_nor_all_ended_ones_for_open_ones(
    crowded: str, team: str | None
) -> None:
    connection = await asyncpg.connect(crowded)
    plans = {}
    for term in (STATE, LABEL):
        arguments = (team, 2**62, filters.LOOKED_AT, 50, *filters.arguments([term]))
        rows = await connection.fetch(f"EXPLAIN {filters.query(team, [term])}", *arguments)
        plans[term] = "\n".join(row[0] for row in rows)
    await connection.close()
    assert "Seq Scan on batch_jobs" not in plans[STATE] + plans[LABEL]
    assert "batch_jobs_open" in plans[STATE]
