"""Gates before every request to Vertex, at the last moment before a create goes out, and before every sleep."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from gateway.cloud import vertex_channel
from gateway.cloud.vertex import VertexPool
from support.driven_time import DrivenTime
from support.schedules.footprints import NOTHING, VERTEX, Footprint, reads, writes
from support.schedules.gates import Actor, arrive, current, touch


def gate_vertex(patch: pytest.MonkeyPatch, sent: Callable[[Actor], None]) -> None:
    """`sent` is told of each create at the moment at which it goes out."""
    for method, footprint in {
        "create": NOTHING,
        "get": reads(VERTEX),
        "list_running": reads(VERTEX),
        "list_created_since": reads(VERTEX),
        "cancel": writes(VERTEX),
        "delete": writes(VERTEX),
    }.items():
        patch.setattr(VertexPool, method, _asked(method, footprint, getattr(VertexPool, method)))
    patch.setattr(vertex_channel, "LastLook", partial(SendGate, sent))


def _asked(method: str, footprint: Footprint, original: Any) -> Any:
    async def run(self: VertexPool, *args: Any, **kwargs: Any) -> Any:
        await arrive(f"vertex.{method}", footprint)
        return await original(self, *args, **kwargs)

    return run


class SendGate(vertex_channel.LastLook):
    """The last point at which a create can be held up: after it the product looks at the clock and sends."""

    def __init__(self, sent: Callable[[Actor], None]) -> None:
        self._sent = sent

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        actor = current.get()
        if actor is None or vertex_channel.last_look.get() is None:
            return await super().intercept_unary_unary(continuation, client_call_details, request)
        await arrive("vertex.create: send", writes(VERTEX))

        def going(*args: Any) -> Any:
            self._sent(actor)
            return continuation(*args)

        return await super().intercept_unary_unary(going, client_call_details, request)


def gate_clock(patch: pytest.MonkeyPatch) -> None:
    """Reading the clock is no stop, for nothing can come between; it is a reason to try other moments."""

    def read(original: Any) -> Any:
        def run(self: DrivenTime) -> Any:
            touch(NOTHING.with_clock())
            return original(self)

        return run

    async def sleep(self: DrivenTime, seconds: float) -> None:
        task = asyncio.current_task()
        if current.get() is None:
            await sleep_of(self, seconds)
        elif task is not None and getattr(task.get_coro(), "cr_code", None) is sleep.__code__:
            # The bound of a call. A process that was stopped finds its answer and its timer due together, and may go
            # either way: here the answer, or the send, always comes first.
            await asyncio.get_running_loop().create_future()
        else:
            await arrive("sleep", NOTHING.with_clock(), due=boottime_of(self) + seconds)

    sleep_of, boottime_of = DrivenTime.sleep, DrivenTime.boottime
    patch.setattr(DrivenTime, "now", read(DrivenTime.now))
    patch.setattr(DrivenTime, "boottime", read(DrivenTime.boottime))
    patch.setattr(DrivenTime, "sleep", sleep)
