"""P2: no second create while the first may still have succeeded; and what lands too late is found, told and ended."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from chaos.audit.evidence import Create, Evidence, Job
from chaos.audit.words import ENDS, REFUSALS, Found

POLLS: Final = 2
SCANS: Final = 1
"""By how many of its own polls, or of its own scans, a leader has to find a late duplicate."""
UNHEARD: Final = 1
"""One more for a cancel that did not get through to Vertex, of which no record tells: what the next list shows has it
sent again.
"""

Asker = tuple[str, bool]
"""The connection of whoever listed, and whether it was a scan: a leader polls and scans apart."""


def duplicates(evidence: Evidence) -> Found:
    """Creates that were sent while an earlier one for the same batch job might still have succeeded.

    Until T, counted from the earlier one's SUBMITTING, nobody may send. Afterwards nobody may whose scan, dealt with
    before the later one took its slot, had shown what the earlier one had made; within T everybody's has.
    """
    for batch_job, creates in evidence.creates_of.items():
        for number, later in enumerate(creates[1:], start=1):
            reasons = (_forbids(evidence, earlier, later) for earlier in creates[:number])
            if reason := next(filter(None, reasons), ""):
                yield f"{batch_job}: attempt {later.attempt} was sent {reason}"
    sent = Counter(create.attempt for create in evidence.creates)
    yield from (f"attempt {attempt} was sent {count} times" for attempt, count in sent.items() if count > 1)


def _forbids(evidence: Evidence, earlier: Create, later: Create) -> str:
    """Why the earlier one forbids the later one; "" where it does not."""
    if earlier.code in REFUSALS and not earlier.made:
        return ""
    began = evidence.begun.get(earlier.attempt)
    if began is None:
        return f"after {earlier.attempt}, which no row had"
    gone = evidence.by_hand.get(earlier.made, float("inf"))
    if later.sent < began + evidence.settle and gone > later.sent:
        return f"{later.sent - began:.1f} s after {earlier.attempt} began"
    if earlier.made and gone > later.sent and (evidence.within or _was_shown(evidence, earlier, later)):
        return f"though {earlier.made} had been made"
    return ""


def _was_shown(evidence: Evidence, earlier: Create, later: Create) -> bool:
    """Whether the last scan that was dealt with before the later one took its slot showed what the earlier one made.

    Two scans may be under way at once, and Vertex does not say which answer has come: a scan showed what all of those
    show that it may have been.
    """
    taken = evidence.begun.get(later.attempt, later.sent)
    scans = [scan for scan in evidence.scans if scan.region == later.region and scan.at < taken]
    latest = max(scans, key=lambda scan: scan.at, default=None)
    if latest is None or earlier.effect is None:
        return False
    asked = [look for look in evidence.looks if look.scan and (look.peer, look.region) == (later.peer, later.region)]
    answers = [look for look in asked if latest.begun <= look.at <= latest.at]
    return bool(answers) and all(not look.lags and earlier.effect < look.at for look in answers)


def late_duplicates_left(evidence: Evidence) -> Found:
    """Vertex jobs that no row records and that still run, that nobody was told of, or that were found too late.

    Too late: one leader listed their pool more often than it may, by polls or by scans, before it asked them to end.
    """
    jobs, looks = {job.id: job for job in evidence.jobs}, _looks(evidence)
    for create in evidence.creates:
        row, job = evidence.by_row.get(create.batch_job), jobs.get(create.made)
        if row is None or job is None or row.vertex_id == job.id or job.id in evidence.by_hand:
            continue
        if job.id in evidence.live:
            yield f"{row.name}: {job.id} is still running beside {row.vertex_id or 'none'}"
        elif job.id not in evidence.found:
            yield f"{row.name}: {job.id} was made beside {row.vertex_id or 'none'}, and nobody was told"
        elif seen := _looked_on(evidence, create, job, looks[create.region]):
            yield f"{row.name}: {job.id} was listed {seen} times before it was asked to end"


def _looked_on(evidence: Evidence, create: Create, job: Job, looks: Mapping[Asker, list[float]]) -> int:
    """How often somebody was shown it who should have ended it sooner; 0 where nobody was."""
    times = [time for time in (evidence.cancelled.get(job.id), job.over) if time is not None]
    extra, found = _extra_since(evidence, create), min(times, default=float("inf"))
    seen = {asker: bisect_left(each, found) - bisect_left(each, extra) for asker, each in looks.items()}
    late = [count for (_, scan), count in seen.items() if count > (SCANS if scan else POLLS) + UNHEARD]
    return max(late, default=0)


def _extra_since(evidence: Evidence, create: Create) -> float:
    """From when on it was one too many: it was there, and its batch job recorded another one or had ended."""
    landed = create.effect or create.sent
    known = (
        change.at
        for change in evidence.changes_of.get(create.batch_job, [])
        if change.vertex_id not in {"", create.made} or change.state in ENDS
    )
    return max(landed, next(known, landed))


def _looks(evidence: Evidence) -> Mapping[str, Mapping[Asker, list[float]]]:
    """By region and by who listed it, when: oldest first. Lists that lag show nothing young."""
    looks: defaultdict[str, defaultdict[Asker, list[float]]] = defaultdict(lambda: defaultdict(list))
    for look in sorted(evidence.looks, key=lambda each: each.at):
        if not look.lags:
            looks[look.region][look.peer, look.scan].append(look.at)
    return looks
