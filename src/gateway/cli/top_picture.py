"""What `gateway top` shows, asked of the API as any operator may: reads alone, and never of Vertex."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from batchjobs.client import BatchJob, Client, TeamUsage
from batchjobs.v1.batch_jobs_pb2 import WaitingReason

ACTIVE: Final = ("SUBMITTING", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
NEWEST: Final = 100
"""How many of the latest creates are looked at for what has happened."""

MOST_ACTIVE: Final = 200
"""Of each state. More slots than that nobody reads on a terminal; the counts are whole all the same."""

EVENTS: Final = 12


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool, over the teams that were seen."""

    name: str
    capacity: int
    active: int
    queued: int
    shut: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a batch job's history."""

    time: datetime
    batch_job: str
    state: int
    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment. `usage` is by team: of those that have something open, or created something lately."""

    time: datetime
    active: tuple[BatchJob, ...]
    usage: Mapping[str, TeamUsage]
    events: tuple[Event, ...]

    @property
    def pools(self) -> tuple[Pool, ...]:
        """By name. A team's usage tells of the pools that it may use, so one that nobody uses is not there."""
        active, queued = Counter[str](), Counter[str]()
        capacity: dict[str, int] = {}
        shut: set[str] = set()
        for each in (each for usage in self.usage.values() for each in usage.pools):
            capacity[each.pool] = each.capacity
            active[each.pool] += each.active
            queued[each.pool] += each.queued
            if each.waiting.reason == WaitingReason.GATE_CLOSED:
                shut.add(each.pool)
        return tuple(Pool(name, capacity[name], active[name], queued[name], name in shut) for name in sorted(capacity))


async def look(client: Client) -> Picture:
    """One look, in two rounds of calls: the batch jobs, then the usage of the teams that they belong to.

    Raises:
        BatchJobsError: a call was refused or not answered.

    """
    lists = [_listed(client, f"state = {state}", MOST_ACTIVE) for state in (*ACTIVE, "QUEUED")]
    *active, queued, newest = await asyncio.gather(*lists, _listed(client, "", NEWEST))
    running = tuple(each for some in active for each in some)
    known = {each.name: each for each in (*newest, *queued, *running)}
    teams = sorted({name.split("/")[1] for name in known})
    usages = await asyncio.gather(*(client.usage(team=team) for team in teams))
    return Picture(
        time=datetime.now(UTC),
        active=tuple(sorted(running, key=lambda each: each.create_time.ToDatetime())),
        usage=dict(zip(teams, usages, strict=True)),
        events=tuple(islice(events(known.values()), EVENTS)),
    )


async def _listed(client: Client, filter_text: str, most: int) -> list[BatchJob]:
    found = list[BatchJob]()
    async for each in client.list(all_teams=True, filter=filter_text, page_size=most):
        found.append(each)
        if len(found) == most:
            break
    return found


def events(batch_jobs: Iterable[BatchJob]) -> Iterable[Event]:
    """What has happened to them, latest first."""
    happened = (
        Event(entry.time.ToDatetime(UTC), each.name, entry.state, entry.reason)
        for each in batch_jobs
        for entry in each.transitions
    )
    return sorted(happened, key=lambda event: event.time, reverse=True)
