"""Two leaders, one fault, one event, and every order of their steps: what the promise says holds in all of them.

How it is done is told in `support/schedules/__init__.py`.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.schedules.events import EVENTS
from support.schedules.explore import explore, judged
from support.schedules.figures import note
from support.schedules.play import COMMITS, FAULTS, Scenario
from support.schedules.search import Planned, Search
from support.schedules.stage import Stage

SETTLING = {"time": (8.0, 4.0, 20.0, 30.0), "passes": ("resolve", "resolve", "dispatch", "resolve", "dispatch")}
"""The second leader begins before T has passed, and goes on after it."""

QUICK = [Scenario(fault) for fault in FAULTS] + [
    Scenario("answer lost", event) for event in EVENTS if event not in {"nothing", "crash", "restore"}
]
QUICK += [Scenario(time=(12.0,)), Scenario("lands within T", "restore")]
DEEP = [
    *(Scenario(fault, event) for fault in FAULTS for event in EVENTS),
    *(Scenario(commit=commit, event=event) for commit in COMMITS for event in ("nothing", "cancel", "crash")),
]
CONFIRMING = [*(Scenario(fault, **SETTLING) for fault in FAULTS), *(Scenario(commit=commit) for commit in COMMITS)]
DEEPEST = 60
"""Runs of one scenario at two reversals; those that are left over are told."""


async def hold(stage: Stage, scenario: Scenario, search: Search, request: pytest.FixtureRequest) -> None:
    finding = await explore(stage, scenario, search)
    note(request, search)
    assert finding is None, str(finding)


@pytest.mark.parametrize("scenario", QUICK, ids=str)
async def test_every_order_with_one_reversal(stage: Stage, scenario: Scenario, request: pytest.FixtureRequest) -> None:
    await hold(stage, scenario, Search(1), request)


@pytest.mark.parametrize("scenario", CONFIRMING, ids=str)
async def test_every_order_while_an_attempt_is_settled(
    stage: Stage, scenario: Scenario, request: pytest.FixtureRequest
) -> None:
    await hold(stage, scenario, Search(1), request)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", DEEP, ids=str)
async def test_every_order_with_two_reversals(stage: Stage, scenario: Scenario, request: pytest.FixtureRequest) -> None:
    """All of one reversal, then of two as many as the bound allows, drawn from all of them."""
    await hold(stage, scenario, Search(2, DEEPEST), request)


WORLDS = st.builds(
    Scenario,
    fault=st.sampled_from(sorted(FAULTS)),
    event=st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=2, unique=True).map(" and ".join),
    commit=st.sampled_from(["", "", *COMMITS]),
    jobs=st.integers(1, 3),
    capacity=st.integers(1, 2),
    time=st.lists(st.sampled_from([4.0, 8.0, 14.0, 30.0]), min_size=2, max_size=4).map(tuple),
    passes=st.lists(st.sampled_from(["resolve", "dispatch", "poll", "cancel", "sweep"]), max_size=5).map(
        lambda more: ("resolve", *more)
    ),
)
SWITCHES = st.dictionaries(st.integers(0, 150), st.integers(1, 4), max_size=8)
"""At which steps somebody else goes on than the present actor, and how many places further in the line."""


async def hold_any(stage: Stage, scenario: Scenario, switches: dict[int, int]) -> None:
    play, found = await judged(stage, scenario, Planned(()), lambda step, _ready: switches.get(step, 0))
    told = "" if play is None else "\n".join(f"{step.actor} {step.label}" for step in play.steps)
    assert not found, f"{scenario}: {found}\n{told}"


QUIETLY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=QUIETLY)
@given(scenario=WORLDS, switches=SWITCHES)
async def test_any_order(stage: Stage, scenario: Scenario, switches: dict[int, int]) -> None:
    await hold_any(stage, scenario, switches)


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=600, deadline=None, suppress_health_check=QUIETLY, phases=[Phase.generate, Phase.shrink])
@given(scenario=WORLDS, switches=SWITCHES)
async def test_many_more_orders(stage: Stage, scenario: Scenario, switches: dict[int, int]) -> None:
    await hold_any(stage, scenario, switches)
