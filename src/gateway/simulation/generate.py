"""Makes a trace up: batch jobs that come at random, for random times. The same mix and seed give the same trace."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.policy.model import Policy
from gateway.simulation.trace import Arrival

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Mix:
    """`per_hour`: how many batch jobs each team sends on average, spread over its pools; `runs`: mean run times in
    seconds, each with how often it comes relative to the others.
    """

    days: float
    per_hour: Mapping[str, float]
    runs: Mapping[float, float]
    seed: int = 1


def generate(policy: Policy, mix: Mix) -> list[Arrival]:
    """Arrivals by Poisson processes, exponential run times, in the order of their times."""
    arrivals = [arrival for team in sorted(mix.per_hour) for arrival in _of_team(policy, mix, team)]
    return sorted(arrivals, key=lambda arrival: arrival.time)


def _of_team(policy: Policy, mix: Mix, team: str) -> Iterator[Arrival]:
    """A team's stream is its own: what other teams send does not change it."""
    draw, time, rate = random.Random(f"{mix.seed}/{team}"), 0.0, mix.per_hour[team] / HOUR
    places = [str(pool) for pool in policy.teams[team].pools] if team in policy.teams else [""]
    while rate > 0 and (time := time + draw.expovariate(rate)) < mix.days * DAY:
        (mean,) = draw.choices(list(mix.runs), list(mix.runs.values()))
        yield Arrival(round(time, 3), team, round(draw.expovariate(1 / mean), 3), draw.choice(places or [""]))
