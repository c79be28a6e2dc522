"""How large a run is, and the timings that are scaled down for it."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Regime(StrEnum):
    """Whether faults stay within the stated T, so that no second create may be sent, or go beyond it."""

    WITHIN = "within"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True)
class Size:
    """`seconds` is the time over which faults and creates are spread. What is open then has as long as it needs; only
    where nothing at all changes for `patience` seconds is it stuck.
    """

    teams: int
    callers: int
    creates: int
    faults: int
    met: int
    """How many of the faults must meet what they were meant for, or the run has shown too little."""
    seconds: float
    patience: float


FULL: Final = Size(teams=20, callers=4, creates=5000, faults=350, met=300, seconds=1000.0, patience=120.0)
SHORT: Final = Size(teams=6, callers=3, creates=240, faults=26, met=15, seconds=75.0, patience=60.0)

REPLICAS: Final = 3
REGIONS: Final = ("us-central1", "europe-west4", "asia-northeast1")
PROJECT: Final = "corp-ml"
CAPACITY: Final = 24
"""Of each pool, before the policy changes it."""

LEASE: Final = 6.0
CREATE_DEADLINE: Final = 3.0
TCP_USER_TIMEOUT: Final = 2.0
LIST_LAG: Final = 10.0
SETTLE: Final = CREATE_DEADLINE + TCP_USER_TIMEOUT + LIST_LAG
"""T."""
POLL: Final = 1.0
SWEEP: Final = 12.0
RUN: Final = 1.0
"""How long a Vertex job runs."""

SETTINGS: Final = {
    "LEASE": LEASE,
    "LEASE_MARGIN": 2.0,
    "CREATE_DEADLINE": CREATE_DEADLINE,
    "TCP_USER_TIMEOUT": TCP_USER_TIMEOUT,
    "LIST_LAG": LIST_LAG,
    "POLL_INTERVAL": POLL,
    "DISPATCH_INTERVAL": 0.5,
    "SWEEP_INTERVAL": SWEEP,
    "PROBE_LONGEST": 5.0,
    "DELETE_RETRY": 5.0,
    "WATCH_HEARTBEAT": 5.0,
    "DRAIN_DELAY": 1.0,
    "DRAIN_GRACE": 3.0,
    "LOCATION_DEADLINE": 4.0,
}
"""Seconds. T stays above its parts, as the settings demand; what is not here is as in production."""
