"""How many time series a metric can have: a formula in the sizes of the policy, for the page and for its test."""

from dataclasses import dataclass
from math import prod
from typing import Final

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry.loop_metrics import LOOPS

BUCKETS_BESIDE: Final = 3
"""Of a histogram, beside the bounds that it names: the bucket `+Inf`, `_sum` and `_count`."""


@dataclass(frozen=True, slots=True)
class Size:
    """Something that the policy or the issuers file decides how many there are of, and how many we reckon with."""

    symbol: str
    meaning: str
    reference: int


TEAMS = Size("T", "teams of the policy, and `unknown`", 51)
POOLS = Size("P", "pools", 8)
REGIONS = Size("R", "regions of the pools", 8)
MODELS = Size("M", "exact model names and aliases of the policy, `tuned` and `other`", 10)
ISSUERS = Size("I", "issuers of the issuers file", 4)
SIZES: Final = (TEAMS, POOLS, REGIONS, MODELS, ISSUERS)

Factor = Size | int

LABELS: Final[dict[str, Factor]] = {
    "team": TEAMS,
    "pool": POOLS,
    "region": REGIONS,
    "model": MODELS,
    "state": 6,  # the open ones and CANCELLING
    "to": 11,  # every state
    "outcome": 5,  # the ends
    "phase": 4,
    "quota": 5,
    "decision": 1,  # counted with the reason
    "reason": 31,  # three decisions without one, the refusals by their reason, would_refuse by the quota
    "method": 6,  # of Vertex's JobService
    "code": 11,  # those with a label of their own, and OTHER
    "how": 3,
    "kind": 4,
    "result": 5,
    "op": 43,  # operations of the store
    "loop": len(LOOPS),
    "listener": 2,
    "issuer": ISSUERS,
    "hash": 1,  # only the one in force is shown
    "version": 1,
    "role": 1,
    "grpc_type": 1,  # each method has one
    "grpc_service": 1,  # counted with the methods
    "grpc_method": 29,  # of all services, those by REST and Vertex's own included, and `unknown`
    "grpc_code": 17,
}
OF_ONE_METRIC: Final[dict[tuple[str, str], Factor]] = {("batchjobs_rows", "outcome"): 3}


def factors(metric: MetricWrapperBase) -> list[Factor]:
    """What its labels and, of a histogram, its buckets multiply to; ones are left out."""
    name = metric._name  # noqa: SLF001 - the library has no accessor for any of these
    labels = [OF_ONE_METRIC.get((name, label), LABELS[label]) for label in metric._labelnames]  # noqa: SLF001
    if isinstance(metric, Histogram):
        labels.append(len(metric._upper_bounds) - 1 + BUCKETS_BESIDE)  # noqa: SLF001
    return [each for each in labels if each != 1]


def formula(metric: MetricWrapperBase) -> str:
    """`T × 5 × 11`."""
    return " × ".join(each.symbol if isinstance(each, Size) else str(each) for each in factors(metric)) or "1"


def most(metric: MetricWrapperBase) -> int:
    """The formula's value in the installation that we reckon with."""
    return prod(each.reference if isinstance(each, Size) else each for each in factors(metric))
