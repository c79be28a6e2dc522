"""Whether a run that has come to rest kept every promise, by the emulator's record and the store's own log."""

import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State, may_move
from gateway.domain.vertex_job import LABEL_ATTEMPT, LABEL_ID
from support.controller import CREATE
from support.schedules.play import Play
from support.schedules.stage import DEADLINE, T
from vertex_emulator import Call

_INSTANT = timedelta(milliseconds=1)


async def audit(play: Play) -> list[str]:
    """Everything that is wrong, in words."""
    found = list(dict.fromkeys(play.stage.violations))
    found += [each async for each in _writes(play)]
    creates = sorted(play.stage.world.calls(CREATE), key=lambda call: call.number)
    for job in play.stage.jobs:
        row = await play.stage.world.read(job)
        sent = [call for call in creates if _label(call, LABEL_ID) == str(job.id)]
        found += [each async for each in _sends(play, row, sent)]
        found += [each async for each in _end(play, row, sent)]
    found += [each async for each in _duplicates(play, creates)]
    return found


async def _writes(play: Play) -> AsyncIterator[str]:
    """P5: legal moves only, revisions without gaps in commit order."""
    written = await play.stage.written()
    for each in written:
        if each.before not in {"", each.after} and not may_move(State(each.before), State(each.after)):
            yield f"illegal move: {each.before} to {each.after}"
    revisions = [each.revision for each in written]
    if any(later != earlier + 1 for earlier, later in itertools.pairwise(revisions)):
        yield f"revisions with gaps: {revisions}"


async def _sends(play: Play, row: BatchJob, sent: list[Call]) -> AsyncIterator[str]:
    """P2: refused, or T has passed since the row became SUBMITTING and Vertex did not show it in time."""
    begun = {attempt.id: attempt.time for attempt in row.attempts}
    for call in sent:
        at = begun.get(_label(call, LABEL_ATTEMPT))
        if at is None and not play.restored:
            yield "sent what the store does not hold: its commit was never known"
        elif at is not None and call.time - at > timedelta(seconds=DEADLINE) - _INSTANT:
            yield f"sent {(call.time - at).total_seconds():.0f} s after step 1, past its deadline"
    for first, second in itertools.pairwise(sent):
        async for each in _pair(play, first, second, begun.get(_label(first, LABEL_ATTEMPT), first.time)):
            yield each


async def _pair(play: Play, first: Call, second: Call, begun: datetime) -> AsyncIterator[str]:
    made = next((job for job in play.stage.world.emulator.jobs if job.name == first.job), None)
    if first.code == "RESOURCE_EXHAUSTED":
        if made is not None:
            yield "sent again though Vertex had done what it refused, and showed it"
        return
    if second.time - begun < timedelta(seconds=T):
        yield f"sent again after {(second.time - begun).total_seconds():.0f} s, within T"
    if made is not None and not play.stage.is_late(made):
        yield "sent again though Vertex showed the first in time"


async def _end(play: Play, row: BatchJob, sent: list[Call]) -> AsyncIterator[str]:
    """P1: at rest nothing is ambiguous, and of all that was made for a batch job one is alive and named."""
    made = {call.job for call in sent if call.job}
    alive = [job.name for job in play.stage.alive() if job.name in made]
    if row.state is State.SUBMITTING:
        yield "stuck: it is SUBMITTING at rest"
    if len(alive) > 1:
        yield f"{len(alive)} Vertex jobs of one batch job are alive at rest"
    if alive and (row.ended or row.vertex_name.rsplit("/", 1)[-1] not in {name.rsplit("/", 1)[-1] for name in alive}):
        yield f"lost name: a Vertex job is alive that its {row.state} row does not name"
    if row.state is State.QUEUED and len(play.stage.alive()) < play.stage.capacity:
        yield "stuck: it is queued though the pool has room"
    if row.vertex_name in play.stage.by_hand:
        yield "a clone from the console was adopted"


async def _duplicates(play: Play, creates: list[Call]) -> AsyncIterator[str]:
    """Every one too many is cancelled and counted; within T none is."""
    rows = [await play.stage.world.read(job) for job in play.stage.jobs]
    named = {row.vertex_name for row in rows}
    made = [job for job in play.stage.world.emulator.jobs if job.name in {call.job for call in creates}]
    extra = [job for job in made if job.name not in named]
    counted = play.stage.metrics.registry.get_sample_value("batchjobs_duplicates_total") or 0
    if extra and counted < len(extra):
        yield f"{len(extra)} too many were made and {counted:.0f} counted"
    if counted and not any(play.stage.is_late(job) or job.name in play.stage.denied for job in made):
        yield f"{counted:.0f} duplicates were counted where nothing came later than T"
    if any(job.ended for job in play.stage.world.emulator.jobs if job.name in play.stage.by_hand):
        yield "a clone from the console was cancelled"


def _label(call: Call, name: str) -> str:
    return str(call.request.batch_prediction_job.labels[name])
