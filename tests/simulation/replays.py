"""Policies and traces for the tests that run in virtual time."""

import random
from collections import Counter
from math import inf

from gateway.domain.batch_job import PoolId
from gateway.policy.model import Policy, Pool, Quota, Quotas, TeamPolicy
from gateway.simulation.replay import Replay
from gateway.simulation.trace import Arrival, bind

POOL, OTHER_POOL = PoolId("corp-ml", "us-central1"), PoolId("corp-ml", "europe-west4")
HOUR, DAY = 3600.0, 86400.0


def a_team(name, weight=1.0, limit=None, pools=(POOL,)):
    return TeamPolicy(name, weight=weight, pools=pools, quotas=Quotas(active_jobs=Quota(limit) if limit else None))


def a_policy(*teams, capacity=8, other_capacity=8):
    pools = {POOL: Pool(POOL, capacity=capacity), OTHER_POOL: Pool(OTHER_POOL, capacity=other_capacity)}
    return Policy("0" * 16, pools, teams={team.name: team for team in teams})


def replayed(policy, arrivals, *, until=inf, replay=Replay, **options):
    return replay(policy, **options).run(bind(policy, arrivals, "trace", "policy"), until)


def backlog(team, slot_seconds, mean, seed=1, place="", time=0.0, *, exact=False):
    """So many batch jobs of one team at once that they hold slots for that long in sum."""
    draw, arrivals, total = random.Random(f"{team}/{seed}"), [], 0.0
    while total < slot_seconds:
        run = mean if exact else draw.expovariate(1 / mean)
        total += run
        arrivals.append(Arrival(time, team, run, place))
    return arrivals


def used(ran, begin, end, pool=None):
    """Each team's slot time between two moments."""
    total = Counter()
    for each in ran:
        if pool in {None, each.job.pool}:
            total[each.job.arrival.team] += max(0.0, min(each.end, end) - max(each.start, begin))
    return total
