"""A caller: a process that creates, cancels, deletes and watches through `batchjobs.client`, and keeps a journal.

`python -m chaos.caller FOLDER NUMBER` reads `caller-NUMBER.json`. What it does follows from that and from its journal
alone: killed and started again, it repeats every create whose answer it does not know, under the same request id.
"""

import asyncio
import json
import random
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from batchjobs.client import (
    BatchJob,
    BatchJobsError,
    Changed,
    Client,
    Deleted,
    GcsDestination,
    GcsSource,
    NotFound,
    StartedOver,
    Synced,
)
from chaos.journal import Journal

PATIENCE = 600.0
LOOK_SECONDS = 10.0
CANCELLED_SHARE, DELETED_SHARE, REPEATED_SHARE = 0.12, 0.15, 0.1
SETTLED = {BatchJob.SUCCEEDED, BatchJob.PARTIALLY_SUCCEEDED, BatchJob.FAILED, BatchJob.CANCELLED, BatchJob.EXPIRED}


@dataclass(frozen=True)
class Orders:
    """What one caller is to do: so many creates a team, over so many seconds from `began` (this machine's clock)."""

    target: str
    teams: list[str]
    regions: list[str]
    creates: int
    seconds: float
    began: float
    seed: str

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Orders":
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Wish:
    """One create, and what becomes of it later, fixed beforehand."""

    team: str
    request_id: str
    region: str
    at: float
    cancel_after: float | None
    delete: bool
    repeat: bool


def wishes(orders: Orders) -> Iterator[Wish]:
    """The same ones each time."""
    for team in orders.teams:
        chance = random.Random(f"{orders.seed} {team}")
        for number in range(orders.creates):
            yield Wish(
                team=team,
                request_id=f"{team}-{number}",
                region=chance.choice(orders.regions),
                at=chance.random() * orders.seconds,
                cancel_after=chance.uniform(0, 3) if chance.random() < CANCELLED_SHARE else None,
                delete=chance.random() < DELETED_SHARE,
                repeat=chance.random() < REPEATED_SHARE,
            )


class Caller:
    """Carries out the wishes that the journal does not say are done."""

    def __init__(self, orders: Orders, journal: Journal, clients: dict[str, Client]) -> None:
        self._orders, self._journal, self._clients = orders, journal, clients
        self._ended: dict[str, asyncio.Event] = {}
        self._made = set(journal.made())
        self._now = asyncio.get_running_loop().time

    async def run(self) -> None:
        done, watchers = self._journal.finished(), [asyncio.ensure_future(self._watch(t)) for t in self._orders.teams]
        mine: list[Coroutine[Any, Any, None]] = [
            self._fulfil(wish) for wish in wishes(self._orders) if wish.request_id not in done
        ]
        await asyncio.gather(*mine)
        self._journal.write("creates done")
        await asyncio.gather(*watchers)

    async def _fulfil(self, wish: Wish) -> None:
        await asyncio.sleep(max(0.0, wish.at - _since(self._orders.began)))
        name = await self._create(wish)
        if not name:
            return
        if wish.repeat and await self._create(wish) is None:
            return
        if wish.cancel_after is not None:
            await asyncio.sleep(wish.cancel_after)
            await self._ask("cancel", wish, self._clients[wish.team].cancel(name, timeout=PATIENCE))
        if wish.delete:
            await self._until_ended(wish, name)
            # Noted before it is asked for: from here on it may be gone, whatever is answered.
            self._journal.write("deleting", team=wish.team, name=name)
            await self._ask("delete", wish, self._clients[wish.team].delete(name, timeout=PATIENCE))
        self._journal.write("finished", request_id=wish.request_id)

    async def _create(self, wish: Wish) -> str | None:
        batch_job = BatchJob(
            model="gemini-2.5-flash",
            region=wish.region,
            gcs_source=GcsSource(uri=f"gs://{wish.team}-in/rows.jsonl"),
            gcs_destination=GcsDestination(output_uri_prefix=f"gs://{wish.team}-out/{wish.request_id}"),
        )
        while True:
            self._journal.write("asked", team=wish.team, request_id=wish.request_id)
            try:
                made = await self._clients[wish.team].create(batch_job, request_id=wish.request_id, timeout=PATIENCE)
            except BatchJobsError as error:
                if error.reason in {"TEAM_FORBIDDEN", "REGION_NOT_ALLOWED", "POLICY_VIOLATION"}:
                    # The policy has lost the team or the pool for a while.
                    await asyncio.sleep(1.0)
                    continue
                if error.outcome_unknown:
                    continue
                if error.reason == "NOT_FOUND" and wish.request_id in self._made:
                    return ""  # It repeats a create whose batch job was deleted meanwhile.
                self._journal.write(
                    "create refused", request_id=wish.request_id, reason=error.reason, message=str(error)
                )
                return None
            self._made.add(wish.request_id)
            about = {"team": wish.team, "name": made.name, "revision": made.revision}
            self._journal.write("created", request_id=wish.request_id, **about)
            await self._read(wish, made.name)
            return made.name

    async def _read(self, wish: Wish, name: str) -> None:
        """What any replica shows of what another one may just have answered."""
        try:
            job = await self._clients[wish.team].get(name, timeout=PATIENCE)
        except NotFound:
            self._journal.write("missing", team=wish.team, name=name)
        except BatchJobsError as error:
            self._journal.write("refused", request_id=wish.request_id, reason=error.reason, message=f"get: {error}")
        else:
            self._journal.write("read", team=wish.team, name=name, revision=job.revision)

    async def _ask(self, what: str, wish: Wish, call: Coroutine[Any, Any, Any]) -> None:
        try:
            await call
        except BatchJobsError as error:
            self._journal.write("refused", request_id=wish.request_id, reason=error.reason, message=f"{what}: {error}")
        else:
            self._journal.write(what, request_id=wish.request_id)

    async def _until_ended(self, wish: Wish, name: str) -> None:
        """By what the watch tells. One that begins after the end tells nothing of it: so ask, now and then."""
        while not self._end_of(name).is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._end_of(name).wait()
                    return
            with suppress(BatchJobsError):
                if (await self._clients[wish.team].get(name)).state in SETTLED:
                    return

    def _end_of(self, name: str) -> asyncio.Event:
        return self._ended.setdefault(name, asyncio.Event())

    async def _watch(self, team: str) -> None:
        """For ever, from where the journal ends."""
        token = self._journal.token(team)
        while True:
            try:
                async for event in self._clients[team].watch_team(token, timeout=PATIENCE):
                    token = getattr(event, "resume_token", "")
                    self._note(team, event, token)
            except BatchJobsError as error:
                self._journal.write("watch ended", team=team, reason=error.reason)
                await asyncio.sleep(1.0)

    def _note(self, team: str, event: Any, token: str) -> None:
        if isinstance(event, Changed):
            job = event.batch_job
            if job.state in SETTLED:
                self._end_of(job.name).set()
            state = BatchJob.State.Name(job.state)
            self._journal.write("seen", team=team, name=job.name, revision=job.revision, state=state, token=token)
        elif isinstance(event, Deleted):
            self._end_of(event.name).set()
            self._journal.write("gone", team=team, name=event.name, revision=event.revision, token=token)
        elif isinstance(event, Synced):
            self._journal.write("synced", team=team, token=token)
        elif isinstance(event, StartedOver):
            self._journal.write("started over", team=team, why=event.why)


def _since(began: float) -> float:
    import time

    return time.time() - began


async def main(folder: Path, number: int) -> None:
    orders = Orders.read(folder / f"caller-{number}.json")
    with Journal(folder / f"caller-{number}.jsonl") as journal:
        async with AsyncExitStack() as stack:
            clients = {
                team: await stack.enter_async_context(Client(orders.target, team=team, insecure=True, timeout=PATIENCE))
                for team in orders.teams
            }
            await Caller(orders, journal, clients).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
