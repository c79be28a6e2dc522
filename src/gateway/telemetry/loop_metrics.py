"""How the controller's loops fare."""

from prometheus_client import CollectorRegistry, Counter


class LoopMetrics:
    """Loops survive what fails in them; this is where it is counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "batchjobs_loop_failures_total",
            "Passes of the controller's loops, and batch jobs in them, that failed and will be tried again.",
            ("loop",),
            registry=registry,
        )

    def failed(self, loop: str) -> None:
        self._failures.labels(loop).inc()
