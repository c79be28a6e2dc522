"""Receives a call's one message: inside identity, so that nobody's message is taken in, and outside turns, so that a
message that comes slowly holds nobody up but its own call.
"""

from typing import Any

import grpc

from gateway.api.call import Call, Proceed
from gateway.errors import GatewayError, Reason


class Receiving:
    """Puts the message's bytes into the call. They are read as a message once the call goes on."""

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Wait for the message; refuse a call that ends without one."""
        if not call.sends_stream:
            call.request = await call.context.read()
            if call.request is grpc.aio.EOF:
                raise GatewayError(Reason.INVALID_SPEC, "The call has no message: send the method's request.")
        return await proceed(call)
