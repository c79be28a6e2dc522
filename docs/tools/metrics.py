"""Writes docs/metrics.md from the metrics as a process registers them, so that the page and the code cannot differ."""

import pages
import series
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from gateway.telemetry.metrics import Metrics

INTRODUCTION = """\
# Metrics

Every replica serves them on its metrics listener (`GATEWAY_METRICS_LISTEN`, by default 127.0.0.1:9470) at `/metrics`,
beside the usual `process_*` figures. Times are in seconds.

- **Gauges about batch jobs, pools and quotas come from the leader alone** and are cleared when it stops leading, so a
  sum or maximum over the replicas is the truth. Counters and histograms come from whichever replica did the work: sum
  them.
- **Labels are bounded.** `team` is a team of the policy or `unknown`. `model` is an exact name or alias of the policy,
  else `tuned` or `other`. Methods that nobody serves share one name. [How many series](#how-many-series) follows.
"""

LEADERS_OWN = """\
## Of the leader alone

Absent on every other replica, `batchjobs_leader` excepted.
"""

HOW_MANY = """\
## How many series

The column `series` says how many one replica shows at most. What callers send cannot raise it: only the policy can.
Histograms count their buckets, `_sum` and `_count`. In the formulas stand

| | number of | at 50 teams |
| --- | --- | --- |
{rows}

With the last column's numbers all formulas together come to {total} series, of which a real installation shows a part:
no team uses every model in every pool with every outcome.
"""

LOOK_AT_FIRST = """\
## What to look at first

| question | look at |
| --- | --- |
| Is anybody leading? | `max(batchjobs_leader)` is 1 |
| Is a pool shut while work waits? | `batchjobs_pool_gate_open == 0 and on (pool) batchjobs_eligible_queued > 0` |
| Is Vertex being read? | `batchjobs_poll_age_seconds` stays near the poll interval |
| Was anything billed twice? | `increase(batchjobs_duplicates_total[1h])` is 0 |
| Is a create's outcome unknown for long? | `batchjobs_submits_unresolved` falls back to 0 within the settling time |
| Who is refused, and why? | `batchjobs_admissions_total` by `team`, `decision` and `reason` |
| Is the policy file taken? | `batchjobs_policy_last_reload_successful` is 1 |
"""


class Recording(CollectorRegistry):
    """A registry that says what was registered."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: list[MetricWrapperBase] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        if isinstance(collector, MetricWrapperBase):
            self.metrics.append(collector)


def registered() -> tuple[list[MetricWrapperBase], list[MetricWrapperBase]]:
    """What every replica registers and fills, and what the leader alone fills; each by name."""
    registry = Recording()
    leader = set(filter(is_metric, vars(Metrics(registry).leader).values()))
    everything = sorted(registry.metrics, key=name_of)
    return [each for each in everything if each not in leader], [each for each in everything if each in leader]


def is_metric(value: object) -> bool:
    return isinstance(value, MetricWrapperBase)


def name_of(metric: MetricWrapperBase) -> str:
    """The name as Prometheus shows it."""
    return metric._name + ("_total" if metric._type == "counter" else "")  # noqa: SLF001 - the library has no accessor


def table(metrics: list[MetricWrapperBase]) -> str:
    rows = ["| metric | type | labels | series | meaning |", "| --- | --- | --- | --- | --- |"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "–"  # noqa: SLF001 - as above
        most = series.formula(metric)
        rows.append(f"| `{name_of(metric)}` | {metric._type} | {labels} | {most} | {metric._documentation} |")  # noqa: SLF001
    return "\n".join(rows)


def count(metrics: list[MetricWrapperBase]) -> str:
    """The section that adds the formulas up."""
    total = sum(series.most(metric) for metric in metrics)
    rows = [f"| {each.symbol} | {each.meaning} | {each.reference} |" for each in series.SIZES]
    return HOW_MANY.format(total=f"{total:,}", rows="\n".join(rows))


def render() -> str:
    every, leader = registered()
    parts = (INTRODUCTION, LOOK_AT_FIRST, "## Of every replica\n", table(every), "", LEADERS_OWN, table(leader), "")
    return "\n".join(parts) + "\n" + count([*every, *leader])


if __name__ == "__main__":
    pages.run("metrics.md", render, tool="metrics.py", source="src/gateway/telemetry/")
