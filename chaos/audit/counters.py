"""The counters of the last line: each a pure function from the evidence to what was found, in words. None is good."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

from chaos.audit.bounds import over_capacity, over_limit
from chaos.audit.evidence import Evidence, Row
from chaos.audit.once import duplicates, late_duplicates_left
from chaos.audit.words import ACTIVE, ENDS, Found

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "QUEUED": frozenset({"SUBMITTING", "PENDING", "RUNNING", "PAUSED"}) | ENDS,
    "SUBMITTING": frozenset({"QUEUED", "PENDING", "RUNNING", "PAUSED"}) | ENDS,
    "PENDING": frozenset({"RUNNING", "PAUSED"}) | ENDS,
    "RUNNING": frozenset({"PAUSED"}) | ENDS,
    "PAUSED": frozenset({"RUNNING"}) | ENDS,
    **dict.fromkeys(ENDS, frozenset[str]()),
}
"""The table of moves, written down once more: an audit that read the gateway's would agree with any."""


def lost(evidence: Evidence) -> Found:
    """Creates that were answered OK and whose row is not there, or was not for whoever asked for it next."""
    deleting = {line["name"] for line in evidence.journal if line["event"] == "deleting"}
    for line in evidence.journal:
        if line["event"] == "missing" and line["name"] not in deleting:
            yield f"{line['name']} was answered, and NOT_FOUND a moment later"
        if line["event"] == "created" and _id(line["name"]) not in evidence.by_row:
            yield f"{line['name']} was answered to {line['request_id']}, and there is no such row"


def double_rows(evidence: Evidence) -> Found:
    """Request ids with more than one batch job, in the store or as answered."""
    rows = Counter((row.team, row.request_id) for row in evidence.rows if row.request_id)
    yield from (f"{count} rows for request {key}" for key, count in rows.items() if count > 1)
    answered: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for line in evidence.journal:
        if line["event"] == "created":
            answered[line["team"], line["request_id"]].add(line["name"])
    yield from (f"request {key} was answered {sorted(names)}" for key, names in answered.items() if len(names) > 1)


def bad_transitions(evidence: Evidence) -> Found:
    """Moves that the table does not hold, and rows that did not begin QUEUED."""
    for batch_job, changes in evidence.changes_of.items():
        if changes[0].state != "QUEUED":
            yield f"{batch_job} began as {changes[0].state}"
        for one, other in pairwise(changes):
            if one.state != other.state and other.state not in MOVES[one.state]:
                yield f"{batch_job} went from {one.state} to {other.state}"


def revision_gaps(evidence: Evidence) -> Found:
    """Revisions of a team that no change took, that two batch jobs took, or that go beyond the team's."""
    taken: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for change in evidence.changes:
        other = taken[change.team].setdefault(change.revision, change.id)
        if other != change.id:
            yield f"{change.team}: revision {change.revision} is of {other} and of {change.id}"
    for team, revision in evidence.revisions.items():
        missing = set(range(1, revision + 1)) ^ set(taken[team])
        yield from (f"{team}: revision {each} of {revision}" for each in sorted(missing))


def stale_watchers(evidence: Evidence) -> Found:
    """Batch jobs whose watcher has not been told of their latest state, deletion included.

    A watch that begins, or begins anew, tells what is open by then; so what has ended before may stay untold.
    """
    told, synced = _told(evidence)
    for row in evidence.rows:
        revision, deleted = told.get(row.name, (0, False))
        if row.name not in told and evidence.changes_of[row.id][-1].at < synced.get(row.team, math.inf):
            continue
        if revision < row.revision or deleted != row.deleted:
            yield f"{row.name}: told of revision {revision}, and it is at {row.revision}{' and deleted' * row.deleted}"


def backward_watch(evidence: Evidence) -> Found:
    """Watchers that were told of an older revision of a batch job after a newer one, and callers so answered."""
    for events in (_WATCHED, _ANSWERED):
        latest: dict[str, int] = {}
        for line in evidence.journal:
            if line["event"] in events:
                if line["revision"] < latest.get(line["name"], 0):
                    yield f"{line['name']}: revision {line['revision']} after {latest[line['name']]}"
                latest[line["name"]] = line["revision"]


_WATCHED: Final = frozenset({"seen", "gone"})
_ANSWERED: Final = frozenset({"created", "read"})
"""One after another, each to any replica: what one has answered every other one knows."""


def stuck(evidence: Evidence) -> Found:
    """Batch jobs that have not ended, creates without an answer, and those that were refused, though all are right."""
    yield from (f"{row.name} is {row.state}" for row in evidence.rows if row.state not in ENDS)
    refused = [line for line in evidence.journal if line["event"] == "create refused"]
    yield from (f"request {line['request_id']} was refused: {line['reason']}: {line['message']}" for line in refused)
    answered = {line["request_id"] for line in evidence.journal if line["event"] in {"created", "create refused"}}
    asked = {line["request_id"] for line in evidence.journal if line["event"] == "asked"}
    yield from (f"request {each} was never answered" for each in sorted(asked - answered))


def leaked_slots(evidence: Evidence) -> Found:
    """Slots that are held for nothing that runs: at the end, or on the way for longer than any fault explains."""
    over = {job.id: job.over for job in evidence.jobs if job.over is not None}
    for row in evidence.rows:
        if row.state in ACTIVE and row.vertex_id not in evidence.live:
            yield f"{row.name} is {row.state} and holds a slot for {row.vertex_id or 'no Vertex job'}"
        elif row.vertex_id in over and (held := _freed(evidence, row) - over[row.vertex_id]) > HELD * evidence.settle:
            yield f"{row.name} held its slot for {held:.0f} s after {row.vertex_id} was over"


HELD: Final = 6
"""How many times T a slot may be held after its end: T for the wire, and as much again for each further fault that may
fall into the same time. A leak has no end.
"""


def _freed(evidence: Evidence, row: Row) -> float:
    """When the batch job first stood in an end; never, where it does not."""
    ends = (change.at for change in evidence.changes_of.get(row.id, []) if change.state in ENDS)
    return next(ends, -math.inf if row.state in ENDS else math.inf)


def orphans(evidence: Evidence) -> Found:
    """Vertex jobs of ours that no row records, unless they were told of and ended; and those that outlive theirs."""
    created = {create.made for create in evidence.creates if create.made}
    for job in evidence.jobs:
        row = evidence.by_row.get(job.batch_job)
        if job.id not in created or job.id in evidence.by_hand:
            continue
        if row is None or row.vertex_id != job.id:
            if job.id in evidence.live or job.id not in evidence.found:
                recorded = (row.vertex_id or "none") if row else "no row"
                yield f"{job.id} was made for {job.batch_job}, which records {recorded}"
        elif row.deleted and job.there:
            yield f"{job.id} is still there, and {row.name} is deleted"
        elif row.state in ENDS and job.id in evidence.live:
            yield f"{job.id} runs, and {row.name} is {row.state}"


COUNTERS: Final[Mapping[str, Callable[[Evidence], Found]]] = {
    each.__name__: each
    for each in (
        lost,
        double_rows,
        duplicates,
        late_duplicates_left,
        over_capacity,
        over_limit,
        bad_transitions,
        revision_gaps,
        stale_watchers,
        backward_watch,
        stuck,
        leaked_slots,
        orphans,
    )
}
"""In the order of the last line."""


def _told(evidence: Evidence) -> tuple[dict[str, tuple[int, bool]], dict[str, float]]:
    """What each batch job's watcher was told last, and when each team's watch had told what was open as it began."""
    told: dict[str, tuple[int, bool]] = {}
    synced: dict[str, float] = {}
    for line in evidence.journal:
        match line["event"]:
            case "seen" | "gone":
                told[line["name"]] = (line["revision"], line["event"] == "gone")
            case "synced":
                synced[line["team"]] = line["time"]
            case "started over":
                told = {name: known for name, known in told.items() if not name.startswith(f"teams/{line['team']}/")}
    return told, synced


def _id(name: str) -> int:
    return int(name.rsplit("/", 1)[-1])
