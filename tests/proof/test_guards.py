"""Taking out any one guard is found out: a schedule exists that breaks a promise, and the search comes to it."""

import pytest

from support.schedules.explore import explore
from support.schedules.guards import COVERED, GUARDS
from support.schedules.search import Search
from support.schedules.stage import Stage

MOST = 400


@pytest.mark.parametrize("rule", GUARDS)
async def test_without_this_guard_a_schedule_breaks_a_promise(
    stage: Stage, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = GUARDS[rule]
    guard.remove(monkeypatch)
    for scenario in guard.scenarios:
        finding = await explore(stage, scenario, Search(guard.reversals, MOST))
        if finding is not None:
            assert guard.finds in "; ".join(finding.violations), str(finding)
            return
    pytest.fail("no schedule of these scenarios needs the guard")


@pytest.mark.parametrize("rule", COVERED)
async def test_without_this_rule_the_promises_hold_all_the_same(
    stage: Stage, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said here rather than claimed as a guard. A change that makes it one turns this red."""
    remove, scenario = COVERED[rule]
    remove(monkeypatch)
    finding = await explore(stage, scenario, Search(1))
    assert finding is None, str(finding)
