"""P3: no dispatch beyond the capacity and the limit that it records, and those are what the policy of its hash says."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from chaos.audit.evidence import Change, Evidence
from chaos.audit.words import ACTIVE, Found

UNSEEN: Final = 5.0
"""Seconds for which a dispatch that is under way may not see what is adopted: that takes no lock of the pool."""


def over_capacity(evidence: Evidence) -> Found:
    """Dispatches into a pool that was full by what they record, by the rows or by Vertex's own account of it."""
    for change, attempt, active in _dispatches(evidence):
        in_pool = [each for each in active.values() if each.pool == change.pool and not _is_unseen(each, change)]
        if len(in_pool) > attempt["capacity"]:
            yield f"{change.id}: {len(in_pool)} active in {change.pool}, by a dispatch with {attempt['capacity']}"
        policy = evidence.policies.get(attempt["policy_hash"])
        allowed = policy.capacities.get(change.pool, 0) if policy else 0
        if attempt["capacity"] > allowed:
            # It may be less: others and strays take room.
            yield f"{change.id}: a dispatch with {attempt['capacity']}, by a policy with {allowed} in {change.pool}"
    yield from _over_on_vertex(evidence)


def over_limit(evidence: Evidence) -> Found:
    """Dispatches after which a team had more active, over all pools, than the limit that the dispatch records."""
    for change, attempt, active in _dispatches(evidence):
        of_team = sum(each.team == change.team for each in active.values())
        limit = attempt["team_limit"]
        if limit and of_team > limit:
            yield f"{change.id}: {of_team} active of {change.team}, by a dispatch with {limit}"
        policy = evidence.policies.get(attempt["policy_hash"])
        if policy is None or change.team not in policy.limits:
            yield f"{change.id}: a dispatch for {change.team}, which the policy {attempt['policy_hash']} does not name"
        elif (policy.limits[change.team] or 0) != limit:
            yield f"{change.id}: a dispatch with {limit}, by a policy with {policy.limits[change.team]}"


def _dispatches(evidence: Evidence) -> Iterator[tuple[Change, Mapping[str, Any], Mapping[int, Change]]]:
    """Each dispatch, what it records, and how each batch job that held a slot then, itself included, had come to it."""
    active: dict[int, Change] = {}
    for change in evidence.changes:
        taken = change.id not in active and change.state in ACTIVE
        if taken:
            active[change.id] = change
        elif change.state not in ACTIVE:
            active.pop(change.id, None)
        if taken and change.state == "SUBMITTING" and change.attempt:
            yield change, change.attempt, active


def _is_unseen(held: Change, change: Change) -> bool:
    return held.state != "SUBMITTING" and change.at - held.at < UNSEEN


def _over_on_vertex(evidence: Evidence) -> Found:
    """Dispatches that found as many Vertex jobs of ours alive as they record room for; what landed late is apart."""
    capacity = {each.attempt["id"]: each.attempt["capacity"] for each in evidence.changes if each.attempt}
    ours = {create.made: create for create in evidence.creates if create.made and not evidence.is_late(create)}
    jobs = [job for job in evidence.jobs if job.id in ours]
    created = _by_region(jobs, lambda job: job.created)
    over = _by_region(jobs, lambda job: job.over)
    for create in ours.values():
        began = evidence.begun.get(create.attempt)
        if began is None:
            continue
        alive = bisect_left(created[create.region], began) - bisect_right(over[create.region], began)
        if alive >= capacity[create.attempt]:
            yield f"{create.batch_job}: {alive} Vertex jobs ran in {create.region}, by {capacity[create.attempt]}"


def _by_region(jobs: list[Any], time: Callable[[Any], float | None]) -> defaultdict[str, list[float]]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for job in jobs:
        if (moment := time(job)) is not None:
            times[job.region].append(moment)
    for each in times.values():
        each.sort()
    return times
