"""Playing what the search asks for, and judging each run."""

from dataclasses import dataclass, field

from support.schedules.audit import audit
from support.schedules.play import Play, Scenario
from support.schedules.scheduler import Choose, Step, StuckError
from support.schedules.search import Planned, Search
from support.schedules.stage import Stage


@dataclass
class Finding:
    """A schedule that broke a promise."""

    scenario: Scenario
    schedule: tuple[str, ...]
    violations: list[str]
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        told = "\n".join(f"  {step.actor:>8}  {step.label}" for step in self.steps)
        return f"{self.scenario}: {'; '.join(self.violations)}\n{told}"


async def explore(stage: Stage, scenario: Scenario, search: Search) -> Finding | None:
    """Play everything that the search asks for; the first schedule that breaks a promise ends it."""
    for plan in search.plans():
        play, found = await judged(stage, scenario, plan)
        if play is None:
            search.impossible += 1
            continue
        if found:
            return Finding(scenario, plan.actors, found, play.steps)
        search.learn(plan, play.steps)
    return None


async def judged(
    stage: Stage, scenario: Scenario, plan: Planned, choose: Choose = lambda _step, _ready: 0
) -> tuple[Play | None, list[str]]:
    """One run and what the audit says of it; None where the plan could not be played."""
    play = Play(stage, scenario)
    try:
        if not await play.run(plan.actors, choose):
            return None, []
        await play.rest()
    except StuckError as stuck:
        return play, [f"stuck: {stuck}"]
    finally:
        for actor in play.scheduler.actors:
            await play.scheduler.stop(actor)
    return play, [*_failures(play), *await audit(play)]


def _failures(play: Play) -> list[str]:
    """What an actor ended with that it should not have: only the loss of the lease is no failure, and it is caught."""
    tasks = [actor.task for actor in play.scheduler.actors if actor.task is not None and not actor.task.cancelled()]
    return [f"failed: {error!r}" for task in tasks if (error := task.exception()) is not None]
