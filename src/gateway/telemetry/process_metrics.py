"""What this process does and depends on: Vertex calls, the store, the policy, look-ups, the event loop."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.telemetry import buckets

SHOWN_CODES: Final = frozenset(
    {
        *("OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"),
        *("RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL"),
    }
)
"""The codes of Vertex's answers that have a label of their own."""

OTHER_CODE: Final = "OTHER"
HOW_RESOLVED: Final = ("found", "absent", "given_up")


class VertexMetrics:
    """Calls to Vertex, and how ambiguous submits turned out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._request = Histogram(
            "batchjobs_vertex_request_seconds",
            "How long calls to Vertex took, by method, region and canonical code (rare ones are OTHER), in seconds.",
            ("method", "region", "code"),
            buckets=buckets.VERTEX,
            registry=registry,
        )
        self._resolved = Counter(
            "batchjobs_submits_resolved_total",
            "Ambiguous submits that were settled: found, absent or given_up.",
            ("how",),
            registry=registry,
        )
        for how in HOW_RESOLVED:
            self._resolved.labels(how)
        self._duplicates = Counter(
            "batchjobs_duplicates_total",
            "Vertex jobs that appeared beside the one recorded and were cancelled. Any increase deserves a look.",
            registry=registry,
        )

    def request(self, method: str, region: str, code: str, seconds: float) -> None:
        """Observe one call; `code` is the canonical name in upper snake case, "OK" or "UNAVAILABLE"."""
        shown = code if code in SHOWN_CODES else OTHER_CODE
        self._request.labels(method, region, shown).observe(seconds)

    def resolved(self, how: str) -> None:
        self._resolved.labels(how).inc()

    def duplicate(self) -> None:
        self._duplicates.inc()


class PolicyMetrics:
    """Which policy is in force here, and whether the last reload worked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._info = Gauge("batchjobs_policy_info", "1 for the policy in force.", ("hash",), registry=registry)
        self._successful = Gauge(
            "batchjobs_policy_last_reload_successful",
            "1 if the policy file was taken when it was last read, 0 if it was refused.",
            registry=registry,
        )
        self._time = Gauge(
            "batchjobs_policy_last_reload_timestamp_seconds",
            "When a policy was last taken, as a Unix time in seconds.",
            registry=registry,
        )

    def loaded(self, policy_hash: str, unix_time: float) -> None:
        self._info.clear()
        self._info.labels(policy_hash).set(1)
        self._successful.set(1)
        self._time.set(unix_time)

    def refused(self) -> None:
        self._successful.set(0)


class ProcessMetrics:
    """Everything else about this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lookups = Counter(
            "batchjobs_location_lookups_total",
            "Look-ups of where a bucket, object or dataset is: found, cached, missing, forbidden or unavailable.",
            ("kind", "result"),
            registry=registry,
        )
        self._store = Histogram(
            "batchjobs_store_request_seconds",
            "How long operations of the store took, in seconds.",
            ("op",),
            buckets=buckets.CALL,
            registry=registry,
        )
        self._store_failures = Counter(
            "batchjobs_store_failures_total",
            "Operations of the store that failed: unavailable, busy (a lock was not had), or unknown (a commit).",
            ("op", "how"),
            registry=registry,
        )
        self._lag = Gauge(
            "batchjobs_event_loop_lag_seconds",
            "How much later than asked the event loop last woke a sleeper, in seconds.",
            registry=registry,
        )
        self._build = Gauge(
            "batchjobs_build_info",
            "1, with the version and role.",
            ("version", "role"),
            registry=registry,
        )

    def location_lookup(self, kind: str, result: str) -> None:
        self._lookups.labels(kind, result).inc()

    def store_request(self, op: str, seconds: float, failure: str) -> None:
        """Observe one operation, failed or not; `failure` is "unavailable", "busy", "unknown", or ""."""
        self._store.labels(op).observe(seconds)
        if failure:
            self._store_failures.labels(op, failure).inc()

    def event_loop_lag(self, seconds: float) -> None:
        self._lag.set(max(seconds, 0.0))

    def build(self, version: str, role: str) -> None:
        self._build.labels(version, role).set(1)
