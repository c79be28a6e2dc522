"""Every figure that `make bench` takes: its name, and the coroutine that answers its rows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench import (
    calls,
    commits,
    dispatchable,
    failover,
    fanout,
    large,
    memory,
    noisy,
    rates,
    replicas,
    rest,
    start,
    traces,
    vertex,
)
from bench.rows import Row


@dataclass(frozen=True, slots=True)
class Figure:
    """`take` is given an empty folder of its own. `generator` says that it needs the load generator."""

    name: str
    take: Callable[[Path], Awaitable[list[Row]]]
    generator: bool = False


FIGURES = (
    Figure("get", rates.get_rows, generator=True),
    Figure("create", rates.create_rows, generator=True),
    Figure("dispatchable", dispatchable.rows),
    Figure("calls", calls.rows),
    Figure("start", start.rows),
    Figure("traces", traces.rows),
    Figure("memory", memory.rows),
    Figure("watches", fanout.rows, generator=True),
    Figure("noisy", noisy.rows, generator=True),
    Figure("large", large.rows, generator=True),
    Figure("replicas", replicas.rows, generator=True),
    Figure("commits", commits.rows, generator=True),
    Figure("vertex", vertex.rows, generator=True),
    Figure("rest", rest.rows, generator=True),
    Figure("failover", failover.rows),
)
