"""The counters of the last line: each a pure function from the evidence to what was found, in words. None is good."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from chaos.audit.evidence import Change, Create, Evidence

Found = Iterator[str]

ACTIVE: Final = frozenset({"SUBMITTING", "PENDING", "RUNNING", "PAUSED"})
ENDS: Final = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
MOVES: Final[Mapping[str, frozenset[str]]] = {
    "QUEUED": frozenset({"SUBMITTING", "PENDING", "RUNNING", "PAUSED"}) | ENDS,
    "SUBMITTING": frozenset({"QUEUED", "PENDING", "RUNNING", "PAUSED"}) | ENDS,
    "PENDING": frozenset({"RUNNING", "PAUSED"}) | ENDS,
    "RUNNING": frozenset({"PAUSED"}) | ENDS,
    "PAUSED": frozenset({"RUNNING"}) | ENDS,
    **dict.fromkeys(ENDS, frozenset[str]()),
}
"""The table of moves, written down once more: an audit that read the gateway's would agree with any."""

REFUSALS: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
    }
)
"""Answers of the server after which nothing was made."""


def lost(evidence: Evidence) -> Found:
    """Creates that were answered OK and whose row is not there."""
    for line in evidence.journal:
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


def duplicates(evidence: Evidence) -> Found:
    """Creates that were sent while an earlier one for the same batch job might still have succeeded.

    Within T an earlier one that did succeed counts whenever the later one was sent: it had been there to be found.
    """
    for batch_job, creates in evidence.creates_of.items():
        for earlier, later in pairwise(creates):
            if earlier.code in REFUSALS and not earlier.made:
                continue
            if later.sent < earlier.sent + evidence.settle - _SENT_AFTER_SUBMITTING and not _gone(
                evidence, earlier, later
            ):
                yield f"{batch_job}: attempt {later.attempt} was sent {later.sent - earlier.sent:.1f} s after another"
            elif evidence.within and earlier.made:
                yield f"{batch_job}: attempt {later.attempt} was sent though {earlier.made} had been made"


_SENT_AFTER_SUBMITTING: Final = 3.0
"""T counts from the row's SUBMITTING; the record shows when the create arrived, at most the deadline later."""


def late_duplicates_left(evidence: Evidence) -> Found:
    """Vertex jobs beside the recorded one that still run, or that nobody was told of."""
    for batch_job, creates in evidence.creates_of.items():
        row = evidence.by_row.get(batch_job)
        made = [create.made for create in creates if create.made]
        if row is None or len(made) < 2:  # noqa: PLR2004 - one and another
            continue
        for extra in made:
            if extra == row.vertex_id or extra in evidence.by_hand:
                continue
            if extra in evidence.live:
                yield f"{row.name}: {extra} is still running beside {row.vertex_id}"
            elif extra not in evidence.found:
                yield f"{row.name}: {extra} was made beside {row.vertex_id}, and nobody was told"


def over_capacity(evidence: Evidence) -> Found:
    """Dispatches after which a pool had more active than the capacity that the dispatch went by."""
    yield from _over(evidence, lambda change: change.pool, "capacity")


def over_limit(evidence: Evidence) -> Found:
    """Dispatches after which a team had more active, over all pools, than the limit that the dispatch went by."""
    yield from _over(evidence, lambda change: change.team, "team_limit")


def _over(evidence: Evidence, key: Callable[[Change], str], bound: str) -> Found:
    active: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for change in evidence.changes:
        before, now = active.pop(change.id, None), key(change) if change.state in ACTIVE else None
        counts.subtract([before] if before else [])
        counts.update([now] if now else [])
        if now:
            active[change.id] = now
        taken = before is None and change.state == "SUBMITTING" and change.attempt
        if taken and change.attempt and 0 < change.attempt[bound] < counts[key(change)]:
            seen = f"{counts[key(change)]} active in {key(change)}"
            yield f"{change.id}: {seen}, by a dispatch with {bound} {change.attempt[bound]}"


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
    """Watchers that were told of an older revision of a batch job after a newer one."""
    latest: dict[str, int] = {}
    for line in evidence.journal:
        if line["event"] in {"seen", "gone"}:
            if line["revision"] < latest.get(line["name"], 0):
                yield f"{line['name']}: revision {line['revision']} after {latest[line['name']]}"
            latest[line["name"]] = line["revision"]


def stuck(evidence: Evidence) -> Found:
    """Batch jobs that have not ended, and creates without an answer."""
    yield from (f"{row.name} is {row.state}" for row in evidence.rows if row.state not in ENDS)
    answered = {line["request_id"] for line in evidence.journal if line["event"] in {"created", "refused"}}
    asked = {line["request_id"] for line in evidence.journal if line["event"] == "asked"}
    yield from (f"request {each} was never answered" for each in sorted(asked - answered))


def leaked_slots(evidence: Evidence) -> Found:
    """Slots that are held for nothing that runs."""
    for row in evidence.rows:
        if row.state in ACTIVE and row.vertex_id not in evidence.live:
            yield f"{row.name} is {row.state} and holds a slot for {row.vertex_id or 'no Vertex job'}"


def orphans(evidence: Evidence) -> Found:
    """Vertex jobs of ours that run, and that no row records."""
    recorded = {row.vertex_id for row in evidence.rows}
    ours = {create.made: create for create in evidence.creates if create.made}
    yield from (f"{each} of {ours[each].batch_job} runs" for each in sorted(evidence.live & ours.keys() - recorded))


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


def _gone(evidence: Evidence, earlier: Create, later: Create) -> bool:
    """Somebody deleted the earlier one by hand before the later one was sent: nobody could have found it."""
    return evidence.by_hand.get(earlier.made, float("inf")) < later.sent


def _id(name: str) -> int:
    return int(name.rsplit("/", 1)[-1])
