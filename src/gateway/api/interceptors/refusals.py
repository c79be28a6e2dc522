"""The one place where an exception becomes a status on the wire."""

import asyncio
import sys
from datetime import timedelta
from typing import Any, Final, Never

import grpc
import structlog

from gateway.api.call import Call, Proceed
from gateway.api.errors import CODES
from gateway.api.interceptors.deadline import DeadlinePassedError
from gateway.api.status import Trailers, message_of, trailers_of
from gateway.errors import GatewayError, Reason

log = structlog.get_logger(__name__)

DEADLINE_MESSAGE: Final = (
    "The call's deadline passed before the work was done. Call again with a longer one. A create may have been "
    "recorded all the same: repeat it under its request_id to get its batch job."
)
NOT_BEGUN_MESSAGE: Final = (
    "The call's deadline passed before it was begun: its caller was not known yet, its message had not come, or it "
    "waited for its team's turn, since other teams call too. Nothing was done. Call again with a longer one, or make "
    "fewer calls at a time."
)


class Refusals:
    """Turns refusals into their code and details. Anything else that is raised is a defect: it is logged once, with its
    stack, and the caller is told that the outcome is not known, as it is with a store that does not answer.
    """

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Let every exception become a status; cancellation and statuses that are set already pass."""
        try:
            return await proceed(call)
        except GatewayError as error:
            await refuse(call, error)
        except DeadlinePassedError as late:
            call.code = grpc.StatusCode.DEADLINE_EXCEEDED
            await _abort(call, call.code, str(late) or (DEADLINE_MESSAGE if call.begun else NOT_BEGUN_MESSAGE))
        except grpc.aio.AbortError:
            # A library's own method (health, reflection) has refused with a code of its own.
            call.code = _set_code(call)
            raise
        except grpc.aio.InternalError:
            await _unwritten(call)
        except Exception:
            log.exception("call failed", method=f"{call.service}/{call.method}")
            await refuse(call, _defect(call))


async def refuse(call: Call, error: GatewayError) -> Never:
    """End the call with the refusal's code, sentence and details."""
    call.code = CODES[error.reason]
    call.reason = error.reason.value
    await _abort(call, call.code, message_of(error), trailers_of(error))


async def _unwritten(call: Call) -> Never:
    """A message could not be written. Its reader has gone as a rule: a call that was left, and no defect."""
    try:
        await _abort(call, grpc.StatusCode.UNAVAILABLE, "The answer could not be written. Call again.")
    except grpc.aio.AbortError:
        call.code = grpc.StatusCode.UNAVAILABLE
        raise


async def _abort(call: Call, code: grpc.StatusCode, message: str, trailers: Trailers = ()) -> Never:
    """Send the status. Where the call is over already there is nobody to send it to, and gRPC would log a traceback for
    the attempt: the caller has gone, or its deadline was told to it by its own side of the connection.
    """
    _forget(sys.exception())
    try:
        await call.context.abort(code, message, trailers)
    except (grpc.aio.UsageError, grpc.aio.InternalError) as over:
        raise asyncio.CancelledError from over
    raise AssertionError("abort always raises")


def _forget(ended_by: BaseException | None) -> None:
    """Let go of every frame that the error has passed, and of the request in them: gRPC keeps what ended a call until
    the collector comes by, and a caller that is refused again and again would fill the memory.
    """
    if ended_by is not None:
        ended_by.__traceback__ = ended_by.__context__ = ended_by.__cause__ = None


def _defect(call: Call) -> GatewayError:
    return GatewayError(
        Reason.STORE_UNAVAILABLE,
        f"The gateway could not finish this call and does not know its outcome; its log has more under {call.rpc_id}. "
        "Wait before you call again, and repeat a create only under its request_id.",
        retry_after=timedelta(seconds=5),
        retry_pushback=False,
        metadata={"rpc_id": call.rpc_id},
    )


def _set_code(call: Call) -> grpc.StatusCode:
    """The context answers a bare number where the code was set by an abort."""
    code: Any = call.context.code()
    by_number: dict[Any, grpc.StatusCode] = {each.value[0]: each for each in grpc.StatusCode}
    return code if isinstance(code, grpc.StatusCode) else by_number.get(code, grpc.StatusCode.UNKNOWN)
