"""Callers with the documented retry policy, and what became of their calls."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from batchjobs.client import BatchJob, BatchJobsError, Changed, Client, GcsDestination, GcsSource, StartedOver

CREATORS: Final = 4
GETTERS: Final = 8
WATCHERS: Final = 20
PAUSE: Final = 0.05
"""Seconds between two calls of one caller: load, not a flood."""


@dataclass
class Seen:
    """What happened: calls by kind, those that were repeated, and those that failed."""

    calls: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    retried: Counter[str] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)
    told: list[set[str]] = field(default_factory=list)
    """The batch jobs that each watch has told of."""

    def missed(self) -> int:
        """How many batch jobs some watch has not told of."""
        return sum(len(set(self.created) - told) for told in self.told)

    def all_told(self) -> bool:
        return self.missed() == 0


class Load:
    """Creates, gets and watches at all replicas, until it is told to end."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._ending = asyncio.Event()
        self.seen = Seen()

    async def run(self) -> None:
        """Call until `end`; the watches go on a little, until they have told everything, or a minute has passed."""
        async with self._client() as client:
            seen = self.seen
            seen.told = [set() for _ in range(WATCHERS)]
            watching = [asyncio.create_task(self._watch(told)) for told in seen.told]
            callers = [self._create(client, number) for number in range(CREATORS)]
            await asyncio.gather(*callers, *(self._get(client) for _ in range(GETTERS)))
            for _ in range(600):
                if seen.all_told():
                    break
                await asyncio.sleep(0.1)
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    def end(self) -> None:
        self._ending.set()

    def _client(self) -> Client:
        return Client(self._target, team="team-00", insecure=True, on_retry=self._retry)

    def _retry(self, error: BatchJobsError, _seconds: float) -> None:
        self.seen.retried[error.reason or type(error).__name__] += 1

    async def _create(self, client: Client, caller: int) -> None:
        number = 0
        while not self._ending.is_set():
            batch_job = BatchJob(
                model="gemini-2.5-flash",
                gcs_source=GcsSource(uri="gs://team-00-in/rows.jsonl"),
                gcs_destination=GcsDestination(output_uri_prefix="gs://team-00-out/results"),
            )
            try:
                made = await client.create(batch_job, request_id=f"{caller}-{number}")
                self.seen.created.append(made.name)
            except BatchJobsError as error:
                self.seen.failures.append(f"create: {error}")
            self.seen.calls["creates"] += 1
            number += 1
            await asyncio.sleep(PAUSE)

    async def _get(self, client: Client) -> None:
        while not self._ending.is_set():
            if self.seen.created:
                try:
                    await client.get(self.seen.created[-1])
                except BatchJobsError as error:
                    self.seen.failures.append(f"get: {error}")
                self.seen.calls["gets"] += 1
            await asyncio.sleep(PAUSE)

    async def _watch(self, told: set[str]) -> None:
        """One watch of the team on a connection of its own."""
        self.seen.calls["watches"] += 1
        async with self._client() as client:
            try:
                async with aclosing(client.watch_team()) as events:
                    async for event in events:
                        if isinstance(event, Changed):
                            told.add(event.batch_job.name)
                        elif isinstance(event, StartedOver):
                            self.seen.failures.append(f"watch: started over, {event}")
            except BatchJobsError as error:
                self.seen.failures.append(f"watch: {error}")
