"""Coverage-guided input: libFuzzer, through atheris, sends to a gateway in this process over a real connection.

    python -m fuzz.guided FOUND CORPUS SECONDS SEED

The gateway's settings come from the environment, as for `gateway serve`. Its code is instrumented, so that an input
that reaches new lines, behind the connection and in the gateway's own thread, is kept and built upon.
"""

import asyncio
import os
import random
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["gateway", "batchjobs"]):
    from gateway.app import App
    from gateway.settings import Settings

import grpc

from fuzz import wire
from fuzz.guided_inputs import packed, unpacked
from fuzz.messages import Messages
from fuzz.sending import Input, Sender
from fuzz.surface import Method, methods_at
from fuzz.values import TEAM, Values


class Guided:
    """One input after the other, each answered before the next."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: str, found: Path) -> None:
        self._loop = loop
        self._found = found
        self._methods = methods_at(target)
        self._values = Values(random.Random(0))
        self._sender: Sender = asyncio.run_coroutine_threadsafe(self._connect(target), loop).result()

    async def _connect(self, target: str) -> Sender:
        channel = grpc.aio.insecure_channel(target, options=[("grpc.enable_retries", 0)])
        return Sender(channel, {each.path: each for each in self._methods}, self._values.learn)

    def one(self, data: bytes) -> None:
        """Make the call; what is found is kept, and the search goes on."""
        number, message = unpacked(data)
        sent = Input(self._method(number).path, message, (("x-batchjobs-team", TEAM),))
        _, finding = asyncio.run_coroutine_threadsafe(self._sender.send(sent), self._loop).result()
        if finding is not None:
            with self._found.open("a", encoding="utf-8") as output:
                output.write(finding.as_json() + "\n")

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Half wounds of what is there, half new messages of the type."""
        rng = random.Random(seed)
        number, message = unpacked(data)
        if rng.random() < 0.5:
            return packed(number, wire.mutated(rng, message))[:max_size]
        number = rng.randrange(len(self._methods))
        made = Messages(rng, self._values).message(self._method(number).request)
        return packed(number, made)[:max_size]

    def _method(self, number: int) -> Method:
        return self._methods[number % len(self._methods)]


def serve(started: "Future[tuple[asyncio.AbstractEventLoop, str]]") -> None:
    """Run a gateway in this thread for as long as the process lives."""

    async def run() -> None:
        app = App(Settings.read(os.environ))
        await app.start()
        started.set_result((asyncio.get_running_loop(), app.api_target))
        await asyncio.Event().wait()

    try:
        asyncio.run(run())
    except BaseException as error:
        started.set_exception(error)
        raise


def main() -> None:
    found, corpus, seconds, seed = sys.argv[1:]
    started: Future[Any] = Future()
    threading.Thread(target=serve, args=(started,), daemon=True).start()
    loop, target = started.result()
    guided = Guided(loop, target, Path(found))
    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=65536", "-timeout=60", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *options, corpus], guided.one, custom_mutator=guided.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
