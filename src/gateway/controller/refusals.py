"""What a create's answer does to the batch job and to its pool's gate, by the answer table."""

from gateway.cloud.vertex_errors import VertexError
from gateway.controller import gate, moves
from gateway.controller.answers import Meaning, meaning
from gateway.controller.strikes import Strikes
from gateway.controller.term import Term
from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.vertex_job import Status

_REASONS = {Meaning.BUSY: gate.BUSY, Meaning.DENIED: gate.DENIED}


class Refusals:
    """Every method may be repeated when the store fails in it: what was done already is not done twice."""

    def __init__(self, term: Term) -> None:
        self._term = term
        self._backoff = gate.Backoff(term.config.probe_first, term.config.probe_longest)
        self._strikes: dict[PoolId, Strikes] = {}
        self._struck: dict[str, bool] = {}

    async def made(self, job: BatchJob, load: int) -> None:
        """Vertex took it: a probe that passes opens the gate."""
        self._of(job.pool).accepted(job.id, load)
        sent = job.submit_time
        if sent is not None and not self._term.state(job.pool).gate_open:
            await self._term.write_pool(job.pool, lambda state, _: gate.accepted(state, sent=sent))

    async def not_made(self, job: BatchJob, error: VertexError, load: int) -> None:
        """Vertex refused it, or nobody knows. The gate goes first, so that nothing follows through it meanwhile."""
        what = meaning(error)
        if what is Meaning.AMBIGUOUS:
            await self._term.write_pool(job.pool, gate.unanswered)
            return
        status = Status(error.code, error.message)
        attempt, retention = job.attempts[-1].id, self._term.retention(job.team)
        change = moves.refuse(attempt, status, retention)
        if what is not Meaning.FAILED:
            await self._close(job, what)
            if not self._strike(job, attempt, what, load):
                change = moves.put_back(attempt, f"VERTEX_{what.name}", retention)
        changed = await self._term.change(job, change)
        self._struck.pop(attempt, None)
        if changed is not None and changed.after.ended:
            self._of(job.pool).forget(job.id)
        else:
            # Nothing changed: an earlier try of this same write was committed and not answered, and put it back.
            self._term.scans.put_back(job)

    async def _close(self, job: BatchJob, what: Meaning) -> None:
        sent = job.submit_time or job.update_time
        await self._term.write_pool(
            job.pool,
            lambda state, now: gate.refused(state, now, reason=_REASONS[what], sent=sent, backoff=self._backoff),
        )

    def _strike(self, job: BatchJob, attempt: str, what: Meaning, load: int) -> bool:
        if attempt not in self._struck:
            self._struck[attempt] = self._of(job.pool).refused(job.id, what, load)
        return self._struck[attempt]

    def _of(self, pool: PoolId) -> Strikes:
        return self._strikes.setdefault(pool, Strikes())
