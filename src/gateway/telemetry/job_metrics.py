"""What became of batch jobs: counters and histograms, kept by whoever commits the change."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from gateway.telemetry import buckets
from gateway.telemetry.names import LabelNames


class JobMetrics:
    """Teams and models pass through `LabelNames`; states, outcomes, reasons and phases are closed sets already."""

    def __init__(self, registry: CollectorRegistry, names: LabelNames) -> None:
        self._names = names
        self._admissions = Counter(
            "batchjobs_admissions_total",
            "Creates by what was decided: admitted, replayed, validated, refused, or would_refuse (shadow).",
            ("team", "decision", "reason"),
            registry=registry,
        )
        self._transitions = Counter(
            "batchjobs_transitions_total", "Moves of batch jobs into a state.", ("team", "to"), registry=registry
        )
        self._duration = Histogram(
            "batchjobs_job_duration_seconds",
            "From create to the end of a batch job, in seconds.",
            ("team", "outcome"),
            buckets=buckets.WHOLE,
            registry=registry,
        )
        self._phase = Histogram(
            "batchjobs_phase_seconds",
            "How long batch jobs stayed in a phase (queued, submitting, pending, running), in seconds.",
            ("phase", "pool"),
            buckets=buckets.BATCH,
            registry=registry,
        )
        self._finished = Counter(
            "batchjobs_jobs_finished_total",
            "Batch jobs that ended, by model and end state.",
            ("team", "model", "outcome"),
            registry=registry,
        )
        self._rows = Counter(
            "batchjobs_rows_total",
            "Rows of ended batch jobs: succeeded, failed or incomplete.",
            ("team", "model", "outcome"),
            registry=registry,
        )

    def admission(self, team: str, decision: str, reason: str = "") -> None:
        """Count one verdict about a create; `reason` is the refusal's reason, or the quota's name in shadow mode."""
        self._admissions.labels(self._names.team(team), decision, reason).inc()

    def transition(self, team: str, to: str) -> None:
        self._transitions.labels(self._names.team(team), to).inc()

    def phase(self, phase: str, pool: str, seconds: float) -> None:
        self._phase.labels(phase, pool).observe(max(seconds, 0.0))

    def finished(self, team: str, model: str, outcome: str, seconds: float) -> None:
        """Count an end: `model` as the caller wrote it, `seconds` since create."""
        team = self._names.team(team)
        self._finished.labels(team, self._names.model(model), outcome).inc()
        self._duration.labels(team, outcome).observe(max(seconds, 0.0))

    def rows(self, team: str, model: str, outcome: str, count: int) -> None:
        """Add an ended batch job's rows of one outcome: "succeeded", "failed" or "incomplete"."""
        self._rows.labels(self._names.team(team), self._names.model(model), outcome).inc(count)
