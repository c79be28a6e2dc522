"""A watch lasts as long as its caller's right to look: what the policy takes away, it takes from open watches too."""

from collections.abc import Callable
from typing import Any

import pytest

from support.caller import Caller, Watching, refusal
from support.secured import RANKING, Secured

Change = Callable[[dict[str, Any]], None]


def _without(role: str) -> Change:
    return lambda policy: policy["teams"]["ranking"]["members"].update({role: []})


def _without_team(policy: dict[str, Any]) -> None:
    del policy["teams"]["ranking"]


def _without_operators(policy: dict[str, Any]) -> None:
    policy["operators"] = []


WATCHES: dict[str, Callable[[Caller, str], Watching]] = {
    "one batch job": lambda caller, name: caller.watch(name),
    "a team": lambda caller, _name: caller.watch_team(),
}
LOSSES = {
    "a submitter by certificate": (lambda secured: secured.certified(RANKING), _without("submitters")),
    "a submitter by token": (lambda secured: secured.with_token("both"), _without("submitters")),
    "a viewer": (lambda secured: secured.with_token("dashboards"), _without("viewers")),
    "an operator": (lambda secured: secured.with_token("oncall"), _without_operators),
    "a member whose team is gone": (lambda secured: secured.certified(RANKING), _without_team),
}


async def _open(secured: Secured, caller: Caller, what: str) -> Watching:
    """An open watch that has told the present, and waits."""
    member = await secured.certified(RANKING)
    job = await member.create()
    watch = WATCHES[what](caller, job.name)
    while (event := await watch.event()) is not None and not event.synced:
        pass
    return watch


@pytest.mark.parametrize("what", WATCHES)
@pytest.mark.parametrize("who", LOSSES)
async def test_it_ends_when_the_policy_takes_the_right_away(secured: Secured, who: str, what: str) -> None:
    make, loss = LOSSES[who]
    watch = await _open(secured, await make(secured), what)
    await secured.gateway.set_policy(loss)
    ended = await refusal(watch.event())
    assert (ended.code, ended.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


@pytest.mark.parametrize("what", WATCHES)
async def test_it_goes_on_when_others_lose_theirs_or_its_caller_may_still_look(secured: Secured, what: str) -> None:
    watch = await _open(secured, await secured.certified(RANKING), what)

    def to_viewer(policy: dict[str, Any]) -> None:
        policy["teams"]["ranking"]["members"] = {"viewers": [f"mtls:{RANKING}"], "submitters": ["jwt:corp:both"]}
        policy["operators"] = []

    await secured.gateway.set_policy(to_viewer)
    [job] = (await (await secured.with_token("both")).list()).batch_jobs
    await (await secured.with_token("both")).cancel(job.name)
    assert (await watch.job()).name == job.name
