"""A process that makes calls: `python -m fuzz.worker TARGET SEED CALLS SECONDS CORPUS`.

It prints one JSON line for each finding as it comes, and one with its counts at the end.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
import uvloop

from fuzz import wire
from fuzz.guided_inputs import read_corpus
from fuzz.messages import Messages
from fuzz.metadata import metadata
from fuzz.sending import LONGEST, Input, Sender
from fuzz.surface import Method, methods_at
from fuzz.values import Values

CHANNELS: Final = 4
AT_A_TIME: Final = 24
CALLS_OF_A_CHANNEL: Final = 20_000
MOST_FINDINGS: Final = 20
NOBODYS: Final = ("/batchjobs.v1.BatchJobs/Nothing", "/a/b", "/", "//", "/batchjobs.v1.BatchJobs/", "/" + "x" * 300)
"""Paths that no service has."""


class Worker:
    """Makes calls until it has made so many, or the time is up."""

    def __init__(self, target: str, seed: int, calls: int, seconds: float, corpus: Sequence[tuple[int, bytes]]) -> None:
        self.counts: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.found = 0
        self._target = target
        self._rng = random.Random(seed)
        self._left = calls
        self._ends = time.monotonic() + seconds
        self._methods = methods_at(target)
        self._corpus = corpus
        self._values = Values(self._rng)
        self._messages = Messages(self._rng, self._values)

    async def run(self) -> None:
        """Make the calls over several channels at a time, each replaced now and then."""
        await asyncio.gather(*(self._over_channels() for _ in range(CHANNELS)))

    async def _over_channels(self) -> None:
        while self._more():
            options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.insecure_channel(self._target, options=options) as channel:
                sender = Sender(channel, {each.path: each for each in self._methods}, self._values.learn)
                share = CALLS_OF_A_CHANNEL // AT_A_TIME
                await asyncio.gather(*(self._calls(sender, share) for _ in range(AT_A_TIME // CHANNELS)))

    async def _calls(self, sender: Sender, most: int) -> None:
        for _ in range(most):
            if not self._more():
                return
            self._left -= 1
            sent = self._input()
            code, finding = await sender.send(sent)
            self.counts[code.name] += 1
            if code is grpc.StatusCode.OK:
                self.passed[sent.path] += 1
            if finding is not None:
                self.found += 1
                if self.found <= MOST_FINDINGS:
                    print(finding.as_json(), flush=True)

    def _more(self) -> bool:
        return self._left > 0 and time.monotonic() < self._ends

    def _input(self) -> Input:
        draw = self._rng.random()
        if draw < 0.005:
            return Input(self._rng.choice(NOBODYS), self._rng.randbytes(20), metadata(self._rng))
        timeout = self._rng.choice((0.001, 0.01, 1.0)) if draw > 0.97 else LONGEST
        if self._corpus and draw < 0.15:
            chosen, message = self._rng.choice(self._corpus)
            message = wire.mutated(self._rng, message) if draw < 0.1 else message
            return Input(self._methods[chosen % len(self._methods)].path, message, metadata(self._rng), timeout)
        method: Method = self._rng.choice(self._methods)
        return Input(method.path, self._messages.message(method.request), metadata(self._rng), timeout)


async def main() -> None:
    target, seed, calls, seconds, corpus = sys.argv[1:]
    worker = Worker(target, int(seed), int(calls), float(seconds), read_corpus(Path(corpus)))
    await worker.run()
    print(json.dumps({"counts": worker.counts, "passed": worker.passed}), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
