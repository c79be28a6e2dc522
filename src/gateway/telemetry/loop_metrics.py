"""How the controller's loops fare."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

_BY_POOL: Final = ("resolve", "poll", "cancel", "delete", "sweep")

LOOPS: Final = (
    *("dispatch", "submit", "expire", "retain", "gauges", "adopt", "duplicates"),
    *_BY_POOL,
    *(f"{name}_pools" for name in _BY_POOL),
)
"""What is counted apart: each loop, what some do on the way, and the keepers of those that go pool by pool."""


class LoopMetrics:
    """Loops survive what fails in them; this is where it is counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "batchjobs_loop_failures_total",
            "Passes of the controller's loops, and batch jobs in them, that failed and will be tried again.",
            ("loop",),
            registry=registry,
        )
        # From the start, since a counter that appears with its first count shows no increase for it.
        for loop in LOOPS:
            self._failures.labels(loop)

    def failed(self, loop: str) -> None:
        self._failures.labels(loop).inc()
