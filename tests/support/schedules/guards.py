"""The guards of the protocol, and where it shows that one is missing.

A guard is a function, a condition or a statement of SQL of the product's; without it the product is what a shorter rule
would have made of it. `scenarios` are searched until the audit finds a schedule that breaks a promise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from support.schedules import removals
from support.schedules.play import Scenario

SETTLING: Final = {"time": (12.0, 60.0), "passes": ("resolve", "resolve")}
"""T passes between and during the second leader's scans."""


@dataclass(frozen=True, slots=True)
class Guard:
    """`remove` takes it out. `finds` is a word of what the audit then says."""

    rule: str
    remove: Callable[[pytest.MonkeyPatch], None]
    finds: str
    scenarios: tuple[Scenario, ...] = (Scenario(),)
    reversals: int = 1


GUARDS: Final[Mapping[str, Guard]] = {
    guard.rule: guard
    for guard in (
        Guard("every controller write passes the fence", removals.no_fence, "late write"),
        Guard("the fence locks the lease's row", removals.plain_fence, "late write", reversals=2),
        Guard("the fence looks at the expiry", removals.fence_without_expiry, "postponed takeover", reversals=2),
        Guard("a takeover waits for open writes", removals.takeover_without_lock, "late write", reversals=2),
        Guard("the deadline is looked at directly before the send", removals.no_last_look, "past its deadline"),
        Guard(
            "nothing is sent past the lease's margin",
            removals.no_margin,
            "past its lease's margin",
            (Scenario(time=(12.0,)),),
        ),
        Guard(
            "T passes before absence is concluded",
            removals.no_t,
            "within T",
            (Scenario("lands within T"), Scenario("never arrived")),
        ),
        Guard(
            "absence takes two scans",
            removals.one_scan,
            "duplicates were counted",
            (Scenario("answer lost", "cancel and list misses", jobs=1, **SETTLING),),
        ),
        Guard(
            "the last scan begins after T",
            removals.last_scan_before_t,
            "duplicates were counted",
            (Scenario("lands within T", "cancel", jobs=1, **SETTLING),),
            reversals=2,
        ),
        Guard(
            "only what belongs to the row is touched",
            removals.no_belongs,
            "clone",
            (Scenario("fine", "clone"),),
        ),
        Guard(
            "a later attempt comes after a scan",
            removals.no_scan_before_a_later_attempt,
            "refused",
            (Scenario("refused and yet done", jobs=1),),
        ),
        Guard(
            "a new leader's first submit comes after a scan",
            removals.no_scan_before_the_first_submit,
            "sent again",
            (Scenario("fine", "restore"),),
        ),
        Guard(
            "T passes between a restore and the first submit",
            removals.no_wait_after_a_restore,
            "sent again",
            (Scenario("lands within T", "restore"),),
        ),
        Guard(
            "what may not have been committed is not sent",
            removals.unknown_commit_is_sent,
            "sent what the store does not hold",
            (Scenario(commit="step 1 unknown, undone"),),
        ),
        Guard(
            "a cancel keeps the attempt",
            removals.cancel_ends_what_is_submitting,
            "",
            (Scenario("answer lost", "cancel"), Scenario("fine", "cancel")),
            reversals=2,
        ),
        Guard("a write holds its team's row", removals.no_team_lock, "", (Scenario("fine", "cancel"),), reversals=2),
        Guard(
            "one too many is cancelled",
            removals.extras_are_left_running,
            "alive at rest",
            (Scenario("lands after T"),),
        ),
        Guard("what is found is adopted", removals.finds_are_not_adopted, "", (Scenario("answer lost"),)),
    )
}

COVERED: Final[Mapping[str, tuple[Callable[[pytest.MonkeyPatch], None], Scenario]]] = {
    "step 3 looks at the attempt": (removals.a_name_of_any_attempt_is_recorded, Scenario("lands after T")),
    "step 3 keeps the first name": (removals.a_second_name_is_recorded, Scenario("answer lost")),
    "step 3 needs no fence": (removals.a_name_is_recorded_under_the_fence, Scenario()),
    "a leader looks at its own clock before a write": (removals.no_look_at_ones_own_clock, Scenario("answer lost")),
    "a first look before the request is built": (removals.no_first_look, Scenario()),
    "capacity is counted again under its lock": (
        removals.capacity_is_not_counted_again,
        Scenario("answer lost"),
    ),
    "an older answer changes nothing": (removals.older_answers_are_followed, Scenario()),
}
"""Rules that other guards cover in these schedules: the promises hold without them. What they are kept for is told in
docs/once.md, and each has a test of its own.
"""
