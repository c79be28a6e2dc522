"""A replica that shuts down takes no new calls: they are told to come again, and reach another replica.

What is still under way when the drain's grace is over is ended here, before gRPC does it: gRPC would cut the call off
as CANCELLED, which says neither whether nor when to call again.
"""

import asyncio
from functools import partial
from typing import Any, Final

from gateway.api.call import Call, Proceed
from gateway.errors import GatewayError, Reason
from gateway.service.drain import COME_AGAIN, Drain

READS: Final = ("Get", "List", "Watch")
"""How the names of methods begin that change nothing."""

Open = set["asyncio.Task[Any]"]


class Draining:
    """Refuses calls of the API while the replica drains, and ends those that outlast it.

    Health and reflection are still answered, but a stream of theirs is ended when the drain begins: it has told that
    the replica is unready, and would hold the server to the end of the grace.
    """

    def __init__(self, drain: Drain, guarded: frozenset[str]) -> None:
        self._drain = drain
        self._guarded = guarded
        self._calls: Open = set()
        self._bystanders: Open = set()
        self._sent_away: Open = set()
        drain.subscribe(partial(self._send_away, self._bystanders))
        drain.subscribe_to_end(partial(self._send_away, self._calls))

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Refuse, or let through for as long as the drain allows."""
        guarded = call.service in self._guarded
        if self._drain.begun and (guarded or not call.unary):
            raise self._drain.refusal()
        under_way = self._calls if guarded else self._bystanders
        task = _this_task()
        under_way.add(task)
        try:
            return await proceed(call)
        except asyncio.CancelledError:
            if task not in self._sent_away:
                raise  # By its caller.
            task.uncancel()
            raise self._ended(call) from None
        finally:
            under_way.discard(task)
            self._sent_away.discard(task)

    def _send_away(self, under_way: Open) -> None:
        for task in under_way:
            self._sent_away.add(task)
            task.cancel()

    def _ended(self, call: Call) -> GatewayError:
        """DRAINING promises that nothing was done, which is true of a read, and of a call that is not begun."""
        if not call.begun or call.service not in self._guarded or call.method.startswith(READS):
            return self._drain.refusal()
        return GatewayError(
            Reason.STORE_UNAVAILABLE,
            "This replica of the gateway has shut down before the call was done, and its outcome is not known. Call "
            "again, another one answers; repeat a create only under its request_id.",
            retry_after=COME_AGAIN,
            retry_pushback=not call.method.startswith("Create") or bool(getattr(call.request, "request_id", "")),
        )


def _this_task() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("gRPC runs every call as a task")
    return task
