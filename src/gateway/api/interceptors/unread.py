"""Bounds the answers that a caller has been given and does not read: gRPC keeps each until it is read, and no other
limit counts them once the call is answered.
"""

from collections import Counter
from typing import Any, Final

from gateway.api.call import Call, Proceed
from gateway.api.interceptors.shedding import COME_AGAIN
from gateway.errors import GatewayError, Reason

MOST_BYTES: Final = 32 * 1024 * 1024
"""How much of it one principal may leave unread on this replica."""

MOST_BYTES_OF_ALL: Final = 128 * 1024 * 1024
"""How much all of them may. Each may leave half of what is left of it: so the more that others leave, the less is one's
own, and whoever reads is served whatever they do.
"""

KEPT_FOR_A_CALL: Final = 4096
"""Bytes that an answer costs beside its own."""


class Unread:
    """Refuses a principal that leaves too much unread. It stands inside identity."""

    def __init__(self) -> None:
        self._unread = Counter[str]()
        self._all = 0

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Refuse, or count the answer until the call is over."""
        if call.principal is None or not call.unary:
            return await proceed(call)
        name = call.principal.name
        if self._unread[name] >= min(MOST_BYTES, (MOST_BYTES_OF_ALL - self._all) // 2):
            raise GatewayError(
                Reason.OVERLOADED,
                "Too many answers to this caller have not been read yet. Read them, or end their calls.",
                retry_after=COME_AGAIN,
            )
        answer = await proceed(call)
        size = KEPT_FOR_A_CALL + (len(answer) if isinstance(answer, bytes) else answer.ByteSize())
        self._unread[name] += size
        self._all += size
        context: Any = call.context
        context.add_done_callback(lambda _context: self._read(name, size))
        return answer

    def _read(self, name: str, size: int) -> None:
        self._all -= size
        self._unread[name] -= size
        if not self._unread[name]:
            del self._unread[name]
