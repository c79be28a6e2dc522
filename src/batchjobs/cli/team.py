"""Watching a whole team: a line for every change, and where to go on from."""

import asyncio
import json
import shlex
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime

from batchjobs.cli.connection import Connection
from batchjobs.cli.exits import INTERRUPTED, StoppedError, stopped
from batchjobs.cli.printing import say, stream
from batchjobs.cli.progress import line
from batchjobs.cli.show import as_dict
from batchjobs.cli.text import moment, plain
from batchjobs.client import BatchJobsError, Changed, Client, Deleted, StartedOver, Synced, TeamEvent


async def watch_team(connection: Connection, client: Client, resume_token: str) -> int:
    """Print what the watch tells, until it is interrupted.

    Raises:
        StoppedError: at Ctrl-C, or the gateway refused or stayed away; it says where to go on from.
    """
    token = ""  # Only what a watch has sent is worth going on from.
    connection.say = _trouble
    write = _json_line if connection.as_json else _Lines(resumed=bool(resume_token)).write
    try:
        async with aclosing(client.watch_team(resume_token)) as events:
            async for event in events:
                token = event.resume_token
                write(event)
    except BatchJobsError as error:
        raise stopped(error, connection.endpoint, *_go_on(token)) from error
    except asyncio.CancelledError as interrupt:
        raise StoppedError(INTERRUPTED, "Stopped watching.", *_go_on(token)) from interrupt
    raise AssertionError("the watch of a team has no end")


def _go_on(token: str) -> Iterator[str]:
    if token:
        yield "Go on from here, missing nothing, with:"
        yield f"  batchjobs watch --resume-token {shlex.quote(token)}"


def _trouble(what: str, seconds: float) -> None:
    say(f"{what}, watching again in {seconds:.1f} s")


def _json_line(event: TeamEvent) -> None:
    """One of `batch_job`, `deleted`, `synced`, `started_over`, each with the `resume_token` that goes on after it."""
    match event:
        case Changed(batch_job):
            told: dict[str, object] = {"batch_job": as_dict(batch_job)}
        case Deleted(name, revision):
            told = {"deleted": {"name": name, "revision": str(revision)}}
        case Synced():
            told = {"synced": True}
        case StartedOver(why):
            told = {"started_over": why}
    stream(json.dumps({**told, "resume_token": event.resume_token}, ensure_ascii=False))


class _Lines:
    """Changes as lines on standard output; what is about the watch itself goes to the error stream."""

    def __init__(self, *, resumed: bool) -> None:
        self._told, self._resumed = 0, resumed

    def write(self, event: TeamEvent) -> None:
        match event:
            case Changed(batch_job):
                self._told += 1
                number = batch_job.name.rpartition("/")[2]
                stream(f"{moment(batch_job.update_time)}  {number}  {line(batch_job, '')}")
            case Deleted(name):
                self._told += 1
                now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
                stream(f"{now}  {plain(name).rpartition('/')[2]}  deleted")
            case Synced():
                say(f"{self._summary()}; changes follow (Ctrl-C stops).")
            case StartedOver(why):
                self._told, self._resumed = 0, False
                say(plain(f"Starting over, some changes were not shown: {why}"))

    def _summary(self) -> str:
        """Of what stood before the watch had caught up."""
        what = "batch job changed since then" if self._resumed else "open batch job"
        return f"{self._told or 'No'} {what if self._told == 1 else what.replace('job', 'jobs')}"
