"""The gauges about batch jobs and pools. The leader alone sets them, and clears them when it loses.

Each `set_…` takes the whole picture: what is no longer in it disappears. New values are written before old ones are
removed, so that a scrape in between sees no hole.
"""

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from gateway.telemetry.names import LabelNames

Labels = tuple[str, ...]
Values = dict[Labels, float]


class LeaderGauges:
    """Everything a dashboard adds up over replicas: exactly one replica shows it at a time."""

    def __init__(self, registry: CollectorRegistry, names: LabelNames, monotonic: Callable[[], float]) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._names = names
        self._monotonic = monotonic
        self._leader = Gauge("batchjobs_leader", "1 on the replica that leads, else 0.", registry=registry)
        self._jobs = gauge("batchjobs_jobs", "Batch jobs that have not ended.", "team", "pool", "state")
        self._oldest = gauge(
            "batchjobs_oldest_seconds", "Age of the oldest batch job in a state, in seconds.", "pool", "state"
        )
        self._eligible = gauge(
            "batchjobs_eligible_queued", "Queued batch jobs that only a free slot keeps waiting.", "pool"
        )
        self._capacity = gauge("batchjobs_pool_capacity", "Vertex jobs that may be active in the pool.", "pool")
        self._active = gauge("batchjobs_pool_active", "Batch jobs that hold a slot of the pool.", "pool")
        self._others = gauge(
            "batchjobs_pool_others",
            "Vertex jobs that take room in the pool and that no batch job names: others', duplicates, forgotten ones.",
            "pool",
        )
        self._gate = gauge("batchjobs_pool_gate_open", "1 while the pool takes submits, 0 while it is gated.", "pool")
        self._limit = gauge("batchjobs_quota_limit", "A team's limit, in the quota's own unit.", "team", "quota")
        self._used = gauge("batchjobs_quota_used", "A team's use, in the quota's own unit.", "team", "quota")
        self._poll_age = gauge(
            "batchjobs_poll_age_seconds",
            "Seconds since the pool was last listed, or since it should have been.",
            "pool",
        )
        self._unresolved = gauge(
            "batchjobs_submits_unresolved", "Submits whose outcome on Vertex is not known yet.", "pool"
        )
        self._about_jobs = (
            *(self._jobs, self._oldest, self._eligible, self._capacity, self._active, self._others, self._gate),
            *(self._limit, self._used, self._poll_age, self._unresolved),
        )
        self._shown: dict[Gauge, set[Labels]] = {each: set() for each in self._about_jobs}

    def leads(self, *, leading: bool) -> None:
        """Say whether this replica leads; losing the lead clears every gauge of this group."""
        self._leader.set(1 if leading else 0)
        if not leading:
            self.clear()

    def clear(self) -> None:
        for each in self._about_jobs:
            each.clear()
            self._shown[each] = set()

    def set_jobs(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Counts by (team, pool, state). Teams that the policy does not name are added up under one label."""
        summed: Values = {}
        for (team, pool, state), count in counts.items():
            key = (self._names.team(team), pool, state)
            summed[key] = summed.get(key, 0) + count
        self._replace(self._jobs, summed)

    def set_oldest(self, ages: Mapping[tuple[str, str], float]) -> None:
        """Seconds by (pool, state)."""
        self._replace(self._oldest, {(pool, state): age for (pool, state), age in ages.items()})

    def set_eligible(self, counts: Mapping[str, int]) -> None:
        self._replace(self._eligible, _by_pool(counts))

    def set_capacity(self, capacities: Mapping[str, int]) -> None:
        self._replace(self._capacity, _by_pool(capacities))

    def set_active(self, counts: Mapping[str, int]) -> None:
        self._replace(self._active, _by_pool(counts))

    def set_others(self, counts: Mapping[str, int]) -> None:
        self._replace(self._others, _by_pool(counts))

    def set_gates(self, is_open: Mapping[str, bool]) -> None:
        self._replace(self._gate, _by_pool(is_open))

    def set_quotas(self, limits: Mapping[tuple[str, str], float], used: Mapping[tuple[str, str], float]) -> None:
        """Limits and use by (team, quota)."""
        for gauge, values in ((self._limit, limits), (self._used, used)):
            self._replace(gauge, {(self._names.team(team), quota): value for (team, quota), value in values.items()})

    def set_unresolved(self, counts: Mapping[str, int]) -> None:
        self._replace(self._unresolved, _by_pool(counts))

    def polled(self, pool: str) -> None:
        """Note that the pool was listed just now; its age is worked out at every scrape, so a stuck poll shows."""
        self._poll_age.labels(pool).set_function(partial(self._since, self._monotonic()))
        self._shown[self._poll_age].add((pool,))

    def expect_polls(self, pools: frozenset[str]) -> None:
        """These pools, and no others, are polled now.

        The age of one that was never listed counts from here, so that one whose lists all fail grows old. One that is
        not polled any more must not look late.
        """
        for pool in pools:
            if (pool,) not in self._shown[self._poll_age]:
                self.polled(pool)
        for labels in [each for each in self._shown[self._poll_age] if each[0] not in pools]:
            self._poll_age.remove(*labels)
            self._shown[self._poll_age].discard(labels)

    def _since(self, then: float) -> float:
        return max(self._monotonic() - then, 0.0)

    def _replace(self, gauge: Gauge, values: Values) -> None:
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        for labels in self._shown[gauge] - values.keys():
            gauge.remove(*labels)
        self._shown[gauge] = set(values)


def _by_pool(values: Mapping[str, int]) -> Values:
    return {(pool,): float(value) for pool, value in values.items()}
