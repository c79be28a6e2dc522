"""Each counter of the audit rises where the step that it guards is broken; and none does where nothing is."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from chaos.audit import counters
from chaos.audit.report import Report, recovery_p99
from gateway.controller import dispatch, moves, refusals
from gateway.controller.answers import Meaning
from gateway.controller.delete import Delete
from gateway.controller.dispatch import Dispatch
from gateway.controller.finds import Finds
from gateway.controller.poll import Poll
from gateway.domain import batch_job
from gateway.domain.batch_job import BatchJob
from gateway.domain.fair_share import PoolSnapshot
from gateway.domain.states import State
from gateway.policy.model import Pool
from gateway.store import admissions, dispatches
from gateway.store.connections import Transaction
from support.controller import CREATE, POOL, T_SECONDS, Replica, World, policy, team
from support.database import run_sql
from vertex_emulator import FaultKind


async def submitted(world: World, leader: Replica) -> BatchJob:
    """A batch job whose Vertex job runs."""
    job = await world.create()
    await leader.submit()
    await world.advance(2)
    await leader.poll()
    return await world.read(job)


async def ended(world: World, leader: Replica) -> BatchJob:
    """One that has run to its end."""
    job = await submitted(world, leader)
    await world.advance(3700)
    await leader.poll()
    return await world.read(job)


async def nothing(*_: Any, **__: Any) -> None:
    """What a broken step does."""


def unchanged(*_: Any, **__: Any) -> Any:
    """A change that never applies."""
    return lambda _job, _now: None


async def test_a_run_without_trouble_is_clean(world: World, witness: Any) -> None:
    job = await ended(world, await world.lead())
    witness.answered(job)
    witness.saw(job)
    report = Report.of(await witness.evidence())
    assert report.findings == ""
    assert report.last_line.startswith("creates=1 lost=0 double_rows=0 duplicates=0 late_duplicates_left=0 ")
    assert report.last_line.endswith(" orphans=0 recovery_p99=0.0s")


async def test_a_create_that_is_answered_and_not_committed_is_lost(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transaction, "commit", Transaction.roll_back)
    witness.answered(await world.create())
    assert await witness.count(counters.lost) == 1


async def test_a_create_that_the_next_reader_does_not_find_is_lost(witness: Any) -> None:
    missing = {"event": "missing", "team": "ranking", "name": "teams/ranking/batchJobs/1"}
    witness.journal.append(missing)
    assert await witness.count(counters.lost) == 1
    witness.journal.append({**missing, "event": "deleting"})
    assert await witness.count(counters.lost) == 0


async def test_request_ids_that_are_not_looked_up_make_double_rows(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admissions, "read_known", lambda *_: _nothing_known())
    await run_sql(world.url, "ALTER TABLE request_ids DROP CONSTRAINT request_ids_pkey")
    for _ in range(2):
        witness.answered(await world.create(request_id="r"))
    assert await witness.count(counters.double_rows) == 2, "once in the store, once as answered"


async def _nothing_known() -> dict[str, Any]:
    return {}


async def test_an_ambiguous_answer_that_is_taken_for_a_refusal_makes_a_duplicate(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "meaning", lambda _: Meaning.BUSY)
    monkeypatch.setattr(Finds, "_adopt", nothing)
    leader = await world.lead()
    world.fault(CREATE, FaultKind.DROP_ANSWER)
    await world.create()
    await leader.submit()
    await world.advance(10)
    await leader.submit()
    assert len(world.calls(CREATE)) == 2
    assert await witness.count(counters.duplicates) == 1
    assert await witness.count(counters.duplicates, within=False) == 1


@pytest.mark.parametrize("within", [True, False])
async def test_a_create_that_follows_what_a_scan_has_shown_is_a_duplicate(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch, within: bool
) -> None:
    sort = Finds.sort

    async def blind(self: Finds, *args: Any) -> Any:
        return replace(await sort(self, *args), matched=frozenset())

    monkeypatch.setattr(Finds, "sort", blind)
    monkeypatch.setattr(Finds, "_adopt", nothing)
    leader = await world.lead()
    world.fault(CREATE, FaultKind.DROP_ANSWER)
    await world.create()
    await leader.submit()
    await leader.scan()
    await world.advance(T_SECONDS + 1)
    for _ in range(3):
        await leader.submit()
    assert len(world.calls(CREATE)) == 2
    assert await witness.count(counters.duplicates, within=within) == 1


async def test_a_duplicate_that_is_listed_again_and_again_is_found_too_late(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel, seen = Finds.cancel_extra, 0

    async def slow(self: Finds, *args: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > patience:
            await cancel(self, *args)

    monkeypatch.setattr(Finds, "cancel_extra", slow)
    leader, patience = await world.lead(), 4
    extra = await land_late(world, leader)
    for _ in range(patience):
        await world.advance(1)
        await leader.loops.sweep.run_once()
    await world.advance(5)
    witness.told.append(extra)
    assert await witness.count(counters.late_duplicates_left, within=False) == 1


async def test_a_duplicate_that_is_not_cancelled_is_left(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Finds, "cancel_extra", nothing)
    leader = await world.lead()
    await land_late(world, leader)
    assert await witness.count(counters.late_duplicates_left, within=False) == 1
    assert await witness.count(counters.duplicates, within=False) == 0, "T had passed"


async def test_a_duplicate_that_is_found_is_told_and_cancelled(world: World, witness: Any) -> None:
    leader = await world.lead()
    extra = await land_late(world, leader)
    assert await witness.count(counters.late_duplicates_left, within=False) == 1, "nobody was told as yet"
    witness.told.append(extra)
    assert await witness.count(counters.late_duplicates_left, within=False) == 0


async def land_late(world: World, leader: Replica) -> str:
    """A create that lands after T, when another has been made and the leader has looked; the late one's name."""
    world.fault(CREATE, FaultKind.IN_FLIGHT, seconds=3 * T_SECONDS, code="UNAVAILABLE")
    job = await world.create()
    await leader.submit()
    await world.advance(T_SECONDS + 1)
    for _ in range(3):
        await leader.submit()
        await world.advance(1)
    await world.advance(2 * T_SECONDS)
    await leader.loops.sweep.run_once()
    await world.advance(5)
    recorded = (await world.read(job)).vertex_name
    return next(each.name for each in world.vertex_jobs() if each.id != recorded.rsplit("/", 1)[-1])


async def test_a_capacity_that_is_not_kept_is_passed(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PoolSnapshot, "free", property(lambda _: 5))
    monkeypatch.setattr(dispatches, "_refused", nothing)
    world.policy.replace(policy(pools=(Pool(POOL, capacity=1),)))
    leader = await world.lead()
    for _ in range(3):
        await world.create()
        await leader.submit()
    assert await witness.count(counters.over_capacity) == 4, "two by the rows, and again by Vertex's own account"


async def test_a_capacity_that_is_not_the_policys_is_passed(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dispatch, "_ours", lambda *_: 9)
    await submitted(world, await world.lead())
    assert await witness.count(counters.over_capacity) == 1


async def test_a_limit_that_is_not_kept_is_passed(world: World, witness: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = dispatch.team_snapshots
    monkeypatch.setattr(
        dispatch, "team_snapshots", lambda *a: {name: replace(each, limit=None) for name, each in told(*a).items()}
    )
    monkeypatch.setattr(dispatches, "_refused", nothing)
    world.policy.replace(policy(team("ranking", active=1)))
    leader = await world.lead()
    for _ in range(3):
        await world.create()
        await leader.submit()
    assert await witness.count(counters.over_limit) == 2


async def test_a_limit_that_is_not_the_policys_is_passed(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "active_limit", lambda _: None)
    world.policy.replace(policy(team("ranking", active=1)))
    await submitted(world, await world.lead())
    assert await witness.count(counters.over_limit) == 1


async def test_a_team_that_the_policy_does_not_name_is_over_its_limit(world: World, witness: Any) -> None:
    await submitted(world, await world.lead())
    witness.policies.clear()
    assert await witness.count(counters.over_limit) == 1


async def test_a_move_that_the_table_does_not_hold_is_bad(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await ended(world, await world.lead())
    monkeypatch.setattr(batch_job, "may_move", lambda *_: True)

    def again(row: BatchJob, now: datetime) -> BatchJob:
        return row.move(State.RUNNING, time=now, reason="AGAIN", actor="test")

    await world.change(job, again)
    assert await witness.count(counters.bad_transitions) == 1


async def test_a_revision_that_is_taken_without_a_change_is_a_gap(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await submitted(world, await world.lead())
    await run_sql(world.url, "UPDATE teams SET revision = revision + 1")
    await world.want_cancel(job)
    assert await witness.count(counters.revision_gaps) == 1


async def test_a_watcher_that_is_not_told_is_stale(world: World, witness: Any) -> None:
    leader = await world.lead()
    witness.saw(await submitted(world, leader))
    witness.journal.append({"event": "synced", "team": "ranking", "time": 0.0})
    assert await witness.count(counters.stale_watchers) == 0
    await ended_by_time(world, leader)
    assert await witness.count(counters.stale_watchers) == 1


async def test_a_watcher_that_is_not_told_of_a_delete_is_stale(world: World, witness: Any) -> None:
    job = await ended(world, await world.lead())
    await world.want_delete(job)
    deleted = await world.read(job)
    witness.saw(deleted)
    assert await witness.count(counters.stale_watchers) == 1
    witness.saw(deleted, "gone")
    assert await witness.count(counters.stale_watchers) == 0


async def ended_by_time(world: World, leader: Replica) -> None:
    await world.advance(3700)
    await leader.poll()


async def test_a_watcher_that_is_told_of_an_older_state_goes_backward(world: World, witness: Any) -> None:
    job = await submitted(world, await world.lead())
    witness.saw(job)
    assert await witness.count(counters.backward_watch) == 0
    witness.saw(replace(job, revision=job.revision - 1))
    assert await witness.count(counters.backward_watch) == 1


async def test_a_caller_who_is_answered_what_was_before_goes_backward(world: World, witness: Any) -> None:
    """Whoever has just changed something by one replica sees it by every other."""
    job = await submitted(world, await world.lead())
    witness.answered(job)
    witness.saw(job, "read")
    assert await witness.count(counters.backward_watch) == 0
    witness.saw(replace(job, revision=job.revision - 1), "read")
    assert await witness.count(counters.backward_watch) == 1


async def test_a_batch_job_that_nobody_follows_is_stuck(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Poll, "_follow", nothing)
    await ended(world, await world.lead())
    assert await witness.count(counters.stuck) == 1


async def test_a_create_that_is_never_answered_is_stuck(witness: Any) -> None:
    witness.journal.append({"event": "asked", "team": "ranking", "request_id": "r"})
    assert await witness.count(counters.stuck) == 1


async def test_a_vertex_job_that_is_gone_unnoticed_leaks_its_slot(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "gone", unchanged)
    leader = await world.lead()
    job = await submitted(world, leader)
    assert await witness.count(counters.leaked_slots) == 0
    world.emulator.jobs.remove(world.vertex_job(job))
    await world.advance(T_SECONDS + 1)
    await leader.poll()
    assert await witness.count(counters.leaked_slots) == 1


async def test_a_vertex_job_whose_name_is_not_recorded_is_an_orphan(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "accept", unchanged)
    monkeypatch.setattr(Finds, "_adopt", nothing)
    await submitted(world, await world.lead())
    assert await witness.count(counters.orphans) == 1
    await world.advance(3700)
    assert await witness.count(counters.orphans) == 1, "it has run, and nobody has what came of it"


async def test_a_vertex_job_that_outlives_its_deleted_batch_job_is_an_orphan(
    world: World, witness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = await world.lead()
    job = await ended(world, leader)
    await world.want_delete(job)
    with monkeypatch.context() as broken:
        broken.setattr(Delete, "_gone", lambda *_: _yes())
        await leader.loops.delete.run_once()
    assert await witness.count(counters.orphans) == 1


async def _yes() -> bool:
    return True


async def test_recovery_counts_from_the_end_of_a_fault_while_something_waits(world: World, witness: Any) -> None:
    leader = await world.lead()
    job = await world.create()
    healed = job.create_time.timestamp() + 10
    await world.advance(25)
    await leader.submit()
    evidence = replace(await witness.evidence(), healed=(healed,))
    assert 14.9 < recovery_p99(evidence) < 15.1
    early = replace(evidence, healed=(job.create_time.timestamp() - 100,))
    assert 24.9 < recovery_p99(early) < 25.1, "nothing waited before"
