"""Which batch job the pool's refusals are really about.

A batch job that Vertex refuses again and again while it takes others must not close the gate for ever; after three such
refusals it fails. One that is refused because the pool is full must never fail for it, however long its queue.
"""

from dataclasses import dataclass
from typing import Final

from gateway.controller.answers import Meaning

MOST: Final = 3
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Strike:
    count: int
    load: int
    refuted: bool = False
    """Vertex has taken another batch job since, with at least as much running in the pool."""


class Strikes:
    """The refusals of one pool's batch jobs, as far as this leader has seen them."""

    def __init__(self) -> None:
        self._strikes: dict[int, _Strike] = {}

    def refused(self, batch_job: int, meaning: Meaning, load: int) -> bool:
        """Note a refusal with `load` others active in the pool. True where it is the third one that was its own fault.

        Refusals with no success of another between them count once.
        """
        strike = self._strikes.setdefault(batch_job, _Strike(0, 0))
        if len(self._strikes) > _REMEMBERED:
            del self._strikes[next(iter(self._strikes))]
        if strike.count == 0 or strike.refuted:
            strike.count += 1
        strike.load = load if meaning is Meaning.BUSY else 0
        strike.refuted = False
        return strike.count >= MOST

    def accepted(self, batch_job: int, load: int) -> None:
        """Note that Vertex took this one with `load` others active: refusals at no more were not the pool's."""
        self._strikes.pop(batch_job, None)
        for strike in self._strikes.values():
            strike.refuted = strike.refuted or strike.load <= load

    def forget(self, batch_job: int) -> None:
        self._strikes.pop(batch_job, None)
