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


async def as_much_as_it_may(layer: Unread, name: str) -> list[Context]:
    """Answers that are left unread until one is refused."""
    left = []
    while True:
        try:
            left.append(await answered(layer, name))
        except GatewayError:
            return left


async def test_the_more_others_leave_unread_the_less_is_ones_own_and_who_reads_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES_OF_ALL", 64 * (module.KEPT_FOR_A_CALL + 1000))
    layer = Unread()
    left = [context for name in "abcdefgh" for context in await as_much_as_it_may(layer, name)]
    assert 40 < len(left) < 64
    context = await answered(layer, "who reads")
    context.over()
    for each in left:
        each.over()
    for _ in range(5):
        await answered(layer, "a")


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
