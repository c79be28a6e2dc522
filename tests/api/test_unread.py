"""Answers that nobody reads: how much of them one principal may leave with a replica."""

from typing import Any

import pytest

from api.served import RANKING
from gateway.api.call import Call
from gateway.api.interceptors import unread as module
from gateway.api.interceptors.unread import Unread
from gateway.errors import GatewayError
from gateway.identity.principal import Principal


class Context:
    """A call's context; the test says when the call is over."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def over(self) -> None:
        for callback in self.callbacks:
            callback(self)


async def answered(layer: Unread, name: str, answer: bytes = b"x" * 1000) -> Context:
    context: Any = Context()
    call = Call("s", "ListBatchJobs", "unary", context, RANKING, principal=Principal(name))

    async def proceed(_call: Call) -> bytes:
        return answer

    assert await layer.around(call, proceed) == answer
    return context


async def test_who_leaves_too_much_unread_is_refused_until_it_reads_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2 * (module.KEPT_FOR_A_CALL + 1000))
    layer = Unread()
    first, _ = [await answered(layer, "a") for _ in range(2)]
    with pytest.raises(GatewayError) as refused:
        await answered(layer, "a")
    assert refused.value.retry_after is not None
    await answered(layer, "b")
    first.over()
    await answered(layer, "a")
