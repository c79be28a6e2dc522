"""One call to Vertex: bounded on the gateway's own clock, its errors given their type."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import grpc

from gateway.clock import Clock
from gateway.cloud.vertex_errors import Code, VertexError, from_google_error, from_rpc_error

T = TypeVar("T")


async def within(clock: Clock, seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """The call's result, or DEADLINE_EXCEEDED when the clock has gone on that far.

    gRPC's own timer runs on the machine's monotonic clock, which stands still while the machine is suspended and which
    tests cannot drive; this one does not replace it.
    """
    task = asyncio.ensure_future(call)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise VertexError(Code.DEADLINE_EXCEEDED, f"no answer within {seconds:.3f} s", from_server=False)
        return _result(task)
    finally:
        for each in (task, timer):
            each.cancel()
        await asyncio.gather(task, timer, return_exceptions=True)


def _result(task: "asyncio.Future[T]") -> T:
    from google.api_core.exceptions import GoogleAPICallError

    try:
        return task.result()
    except GoogleAPICallError as error:
        raise from_google_error(error) from error
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error
    except asyncio.CancelledError as error:
        # Nobody here cancelled it: the channel was closed under the call.
        raise VertexError(Code.CANCELLED, "the connection was closed", from_server=False) from error
