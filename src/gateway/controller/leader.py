"""Campaigns for the lease, keeps it, and gives it back: by the lease's word, by its own clock, or for want of reach."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.controller.guard import first_of
from gateway.controller.leadership import Leadership
from gateway.controller.term import Setting, Term
from gateway.store.errors import LeaseLostError, StoreError

Lead = Callable[[Term], Awaitable[None]]


class Leader:
    """One replica's part in who leads. `lead(term)` runs the loops; it is cancelled when the term is over."""

    def __init__(self, setting: Setting, lead: Lead) -> None:
        self._setting, self._lead = setting, lead
        self._lease, self._clock, self._config = setting.store.lease, setting.clock, setting.config
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running = False
        self._term: Term | None = None
        self._stand_back = False
        self._log = structlog.get_logger(__name__)

    @property
    def term(self) -> Term | None:
        """The term that this replica leads in now."""
        return self._term

    async def run(self) -> None:
        """Campaign until `stop`."""
        self._running = True
        try:
            while not self._stopping.is_set():
                await self.run_once()
                await first_of(self._stopping.wait(), self._clock.sleep(await self._until_next_look()))
        finally:
            self._stopped.set()

    async def run_once(self) -> None:
        """Stand for the lease once, and lead for as long as it is held."""
        try:
            held = await self._lease.acquire()
        except StoreError as error:
            self._log.warning("lease_not_acquired", error=str(error))
            return
        if held is None:
            return
        leadership = Leadership(held, clock=self._clock, config=self._config)
        if self._stopping.is_set():
            await self._release(leadership)
        else:
            await self._serve(leadership)

    async def stop(self) -> None:
        """Give the lease back now and campaign no more; returns when the loops have ended."""
        self._stopping.set()
        if self._term is not None:
            self._term.leadership.lose()
            await self._release(self._term.leadership)
        if self._running:
            await self._stopped.wait()

    async def _serve(self, leadership: Leadership) -> None:
        self._term = term = Term(self._setting, leadership)
        self._setting.metrics.leader.leads(leading=True)
        self._log.info("leads", term=leadership.term)
        try:
            await first_of(self._lead_loops(term), self._keep(term), self._until_over(leadership))
        finally:
            lost = leadership.over.is_set()
            leadership.lose()
            self._term = None
            self._setting.metrics.leader.leads(leading=False)
            self._log.info("leads_no_more", term=leadership.term)
        if not lost:
            await self._release(leadership)

    async def _until_over(self, leadership: Leadership) -> None:
        """Return when the term is over; the gauges go at once, while the loops are still being stopped."""
        await leadership.over.wait()
        self._setting.metrics.leader.leads(leading=False)

    async def _lead_loops(self, term: Term) -> None:
        """Run the loops. Whatever ends them ends the term: a lease is never held idle."""
        try:
            await term.load()
            await self._lead(term)
        except (StoreError, LeaseLostError) as error:
            self._log.warning("loops_ended", error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, it is logged and ends this term
            self._log.exception("loops_ended")

    async def _keep(self, term: Term) -> None:
        """Renew three times a lease's length. Returns when it is lost, has run out, or is better held by another."""
        leadership = term.leadership
        while not leadership.over.is_set():
            await first_of(leadership.over.wait(), self._clock.sleep(self._pause))
            await first_of(self._renew(leadership), self._run_out(leadership))
            if await self._is_out_of_reach(term):
                self._log.warning("lease_given_back", reason="no pool answers", silence=term.reach.silence)
                self._stand_back = True
                return

    async def _renew(self, leadership: Leadership) -> None:
        try:
            held = await self._lease.renew(leadership.held)
        except StoreError as error:
            self._log.warning("lease_not_renewed", error=str(error))
            return
        if held is None:
            leadership.lose()
        else:
            leadership.renewed(held)

    async def _run_out(self, leadership: Leadership) -> None:
        """Lose it when its time is up, even while the database keeps the renewal waiting."""
        while (left := leadership.expires - self._clock.boottime()) > 0:
            await self._clock.sleep(left)
        leadership.lose()

    async def _is_out_of_reach(self, term: Term) -> bool:
        """Whether no pool has answered for a lease's length while there is work to do in one."""
        if term.leadership.over.is_set() or term.reach.silence < self._config.lease.total_seconds():
            return False
        try:
            return bool(await self._setting.store.sweeps.open_pools())
        except StoreError:
            return False

    async def _release(self, leadership: Leadership) -> None:
        try:
            await self._lease.release(leadership.held)
        except StoreError as error:
            self._log.warning("lease_not_released", error=str(error))

    async def _until_next_look(self) -> float:
        """Until this replica stands for the lease again: when it runs out, if that is sooner than the usual pause; all
        of its length after giving it back for want of reach.
        """
        if self._stand_back:
            self._stand_back = False
            return self._config.lease.total_seconds()
        try:
            return min(self._pause, await self._lease.left() or self._pause)
        except StoreError:
            return self._pause

    @property
    def _pause(self) -> float:
        """Between two looks at the lease, whoever holds it."""
        return self._config.lease.total_seconds() / 3
