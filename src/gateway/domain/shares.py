"""The account of one team in one pool: what its dispatches are charged, what they really used, and its standing.

All three changes are differences, so that the store adds them to the row and two writers never undo each other.
"""

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

DEBT_CAP: Final = 24 * 3600.0
"""How far a contender's service may lie above the lowest: one long job must not starve its team for weeks. Seconds."""

CREDIT_CAP: Final = DEBT_CAP / 2
"""How far below the lowest contender a team may be that its own limit kept out, in seconds. It is less than the cap on
debt, so that such a team never makes debtors of all others.
"""

FIRST_RUN: Final = 3600.0
"""What a dispatch of a team without history is charged, in slot-seconds; the first end puts it right."""

MEAN_STEP: Final = 0.2
"""How much of the mean run time the latest run is worth."""


@unique
class Standing(StrEnum):
    """What a team was in a pool when the controller last looked."""

    IDLE = "IDLE"  # nothing queued, or not allowed to run
    BLOCKED = "BLOCKED"  # something queued, no room under the team's limit
    CONTENDING = "CONTENDING"  # something queued, and room for it


@dataclass(frozen=True, slots=True)
class Share:
    """The account as the store keeps it. `service`: slot-seconds received divided by the weight, never below zero;
    `mean_run`: slot-seconds of a recent batch job, None before the first one has ended.
    """

    service: float = 0.0
    mean_run: float | None = None
    standing: Standing = Standing.IDLE


def charge(share: Share, weight: float) -> float:
    """What one dispatch adds to `service`; the row of the batch job keeps it for `settle`."""
    return (FIRST_RUN if share.mean_run is None else share.mean_run) / weight


def charged(share: Share, amount: float) -> Share:
    """The account after a dispatch."""
    return replace(share, service=share.service + amount)


def settle(share: Share, *, charge: float, used: float, weight: float, ran: bool = True) -> Share:
    """The account after a slot came free: the charge is replaced by what was really used.

    Args:
        share: the account as it is now.
        charge: what the dispatch was charged.
        used: slot-seconds between taking the slot and giving it back; below zero counts as zero.
        weight: the team's weight now.
        ran: False for what came back to the queue: its time is paid, but says nothing about the team's run times.

    """
    used = max(0.0, used)
    service = max(0.0, share.service - charge + used / weight)
    return replace(share, service=service, mean_run=_mean(share.mean_run, used) if ran else share.mean_run)


def _mean(mean: float | None, used: float) -> float:
    return used if mean is None else mean + MEAN_STEP * (used - mean)
