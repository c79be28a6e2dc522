"""What the product would be without one of its guards: each function takes one out, for as long as the patch lasts."""

from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from gateway.cloud.vertex import VertexPool
from gateway.cloud.vertex_channel import LastLook
from gateway.controller import finds, moves, observe, ours
from gateway.controller.leadership import Leadership
from gateway.controller.scans import Scans
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.service import cancel
from gateway.store import dispatches, lease, locks
from gateway.store.changes import Changes
from gateway.store.connections import Transaction
from gateway.store.errors import CommitUnknownError
from support.schedules import events
from support.schedules.gates import current


def _sql(patch: pytest.MonkeyPatch, module: Any, name: str, text: str) -> None:
    patch.setattr(module, "SQL", MappingProxyType({**module.SQL, name: text}))


async def _open(*_args: Any) -> None:
    """Let everybody pass."""


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(locks, "fence", _open)


def plain_fence(patch: pytest.MonkeyPatch) -> None:
    _sql(patch, locks, "fence", "SELECT true FROM lease WHERE term = $1 AND expires_at > store_clock()")


def fence_without_expiry(patch: pytest.MonkeyPatch) -> None:
    _sql(patch, locks, "fence", "SELECT true FROM lease WHERE term = $1 FOR KEY SHARE")


def takeover_without_lock(patch: pytest.MonkeyPatch) -> None:
    _sql(patch, lease, "lock_for_takeover", "SELECT true FROM lease")


def no_last_look(patch: pytest.MonkeyPatch) -> None:
    async def straight_on(_self: Any, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(client_call_details, request)

    patch.setattr(LastLook, "intercept_unary_unary", straight_on)


def no_margin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Leadership, "submits_until", property(lambda _: float("inf")))


def no_t(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves, "is_settled", lambda *_: True)
    prove = Scans.prove_absent

    def early(self: Scans, job: BatchJob) -> bool:
        self._settle_after = timedelta(0)
        return prove(self, job)

    patch.setattr(Scans, "prove_absent", early)


def one_scan(patch: pytest.MonkeyPatch) -> None:
    def proven(self: Scans, job: BatchJob) -> bool:
        began, reach = job.submit_time or job.create_time, self.reach(job)
        proofs = [each for each in self._scans[job.pool] if each.begun > began and each.since <= reach][-1:]
        shown = any(job.id in each.matched for each in proofs)
        return bool(proofs) and not shown and proofs[-1].begun >= began + self._settle_after

    patch.setattr(Scans, "prove_absent", proven)


def last_scan_before_t(patch: pytest.MonkeyPatch) -> None:
    """Two scans whenever they began; T is looked at when absence is written."""
    prove = Scans.prove_absent

    def proven(self: Scans, job: BatchJob) -> bool:
        kept, self._settle_after = self._settle_after, timedelta(0)
        try:
            return prove(self, job)
        finally:
            self._settle_after = kept

    patch.setattr(Scans, "prove_absent", proven)


def no_belongs(patch: pytest.MonkeyPatch) -> None:
    for module in (finds, moves):
        patch.setattr(module, "belongs", lambda found, job, gateway, *_: ours.claims(found, gateway) == job.id)


def no_scan_before_a_later_attempt(patch: pytest.MonkeyPatch) -> None:
    for each in ("blocks", "wanted"):
        patch.setattr(Scans, each, lambda *_: False)


def no_scan_before_the_first_submit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Scans, "ready", lambda *_: True)


def unknown_commit_is_sent(patch: pytest.MonkeyPatch) -> None:
    commit = Transaction.commit

    async def hopeful(self: Transaction, seconds: float) -> None:
        with suppress(CommitUnknownError):
            await commit(self, seconds)

    patch.setattr(Transaction, "commit", hopeful)


def cancel_ends_what_is_submitting(patch: pytest.MonkeyPatch) -> None:
    def cancelling(_policy: Any, actor: str) -> Any:
        def change(job: BatchJob, now: Any) -> BatchJob | None:
            if job.state not in {State.QUEUED, State.SUBMITTING}:
                return cancel.cancelling(_policy, actor)(job, now)
            return job.move(State.CANCELLED, time=now, reason="X", actor=actor, cancel_time=now, end_time=now)

        return change

    patch.setattr(events, "cancelling", cancelling)


def no_team_lock(patch: pytest.MonkeyPatch) -> None:
    _sql(patch, locks, "lock_team", "SELECT true FROM teams WHERE team = $1")


def extras_are_left_running(patch: pytest.MonkeyPatch) -> None:
    """What is found for a row that has another, or has ended, is left alone."""
    judge = finds.Finds.judge

    def lenient(*args: Any) -> finds.Find:
        found = judge(*args)
        return finds.Find.OTHERS if found is finds.Find.EXTRA else found

    patch.setattr(finds.Finds, "judge", lenient)


def finds_are_not_adopted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finds.Finds, "_adopt", _open)


def no_wait_after_a_restore(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Term, "may_submit_at", lambda *_: True)


# What turns out to be covered by other guards.


def _recorded(patch: pytest.MonkeyPatch, *, attempt: bool, name: bool) -> None:
    """Step 3 with fewer conditions."""

    async def record(self: Changes, team: str, job_id: int, attempt_id: str, change: Any) -> Any:
        def guarded(job: BatchJob, now: Any) -> BatchJob | None:
            other = attempt and (job.attempt is None or job.attempt.id != attempt_id)
            return None if other or (name and job.vertex_name) else change(job, now)

        return await self.change(team, job_id, guarded)

    patch.setattr(Changes, "record", record)


def a_name_of_any_attempt_is_recorded(patch: pytest.MonkeyPatch) -> None:
    _recorded(patch, attempt=False, name=True)


def a_second_name_is_recorded(patch: pytest.MonkeyPatch) -> None:
    _recorded(patch, attempt=True, name=False)


def a_name_is_recorded_under_the_fence(patch: pytest.MonkeyPatch) -> None:
    async def record(self: Changes, team: str, job_id: int, attempt_id: str, change: Any) -> Any:
        actor = current.get()

        def guarded(job: BatchJob, now: Any) -> BatchJob | None:
            same = job.attempt is not None and job.attempt.id == attempt_id
            return change(job, now) if same and not job.vertex_name else None

        return await self.change(team, job_id, guarded, term=actor.term if actor else None)

    patch.setattr(Changes, "record", record)


def no_look_at_ones_own_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Leadership, "require", lambda _: None)


def no_first_look(patch: pytest.MonkeyPatch) -> None:
    """The look before the request is built; the one directly before the send stays."""
    look = VertexPool._look
    seen: set[int] = set()

    def later(self: VertexPool, deadline: float, send_by: Any) -> float:
        if id(self) in seen:
            return look(self, deadline, send_by)
        seen.add(id(self))
        return 20.0

    patch.setattr(VertexPool, "_look", later)


def capacity_is_not_counted_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dispatches, "_refused", _open)


def older_answers_are_followed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observe, "_is_older", lambda *_: False)
