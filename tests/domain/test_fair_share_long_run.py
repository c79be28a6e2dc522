"""Fair share over a long time: a pool of slots, teams that keep their queues filled, run times that nobody knows.

The simulation does what the controller does, in the same order: settle what ended, level, plan, charge.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from domain.sharing import POOL, a_head
from gateway.domain.fair_share import Contender, PoolSnapshot, TeamSnapshot, plan
from gateway.domain.level import level
from gateway.domain.shares import Share, charged, settle


@dataclass
class Team:
    """One team's behaviour: `run` draws a run time, `backlog(time)` how many it keeps queued."""

    weight: float
    run: object
    backlog: object = lambda _: 9
    limit: int | None = None
    paused: object = lambda _: False
    share: Share = field(default_factory=Share)
    active: int = 0
    heads: list = field(default_factory=list)


class Pool:
    """Slots and teams on a simulated clock. `used` is the slot time of each team, `waits` each head's time queued."""

    def __init__(self, capacity, **teams):
        self.capacity, self.teams = capacity, teams
        self.now, self.ids, self.running = 0.0, 0, []
        self.used, self.waits = Counter(), {name: [] for name in teams}

    def run(self, until):
        while self.now < until:
            self._pass()
            if not self.running:
                self.now = until
                return
            self.now, _, name, took, charge = heapq.heappop(self.running)
            team = self.teams[name]
            team.active -= 1
            team.share = settle(team.share, charge=charge, used=took, weight=team.weight)
            self.used[name] += took

    def _pass(self):
        snapshots = {
            name: TeamSnapshot(name, t.weight, t.active, t.limit, paused=t.paused(self.now))
            for name, t in self.teams.items()
        }
        result = level(snapshots, [self._contender(name, t) for name, t in self.teams.items()])
        for c in result.contenders:
            self.teams[c.team].share = c.share
        pool = PoolSnapshot(POOL, self.capacity, len(self.running))
        for choice in plan([pool], snapshots, result.contenders):
            self._dispatch(choice)

    def _contender(self, name, team):
        while len(team.heads) < team.backlog(self.now):
            self.ids += 1
            team.heads.append(a_head(self.ids, age=self.now))
        charge = sum(charge for *_, whose, _, charge in self.running if whose == name)
        return Contender(POOL, name, team.share, bool(team.heads), tuple(team.heads), team.active, charge)

    def _dispatch(self, choice):
        team = self.teams[choice.team]
        team.heads.remove(choice.head)
        team.active += 1
        team.share = charged(team.share, choice.charge)
        took = team.run()
        heapq.heappush(self.running, (self.now + took, choice.head.id, choice.team, took, choice.charge))
        age = (choice.head.create_time - a_head(0, age=0).create_time).total_seconds()
        self.waits[choice.team].append(self.now - age)

    def parts(self, *names):
        total = sum(self.used[name] for name in names)
        return [self.used[name] / total for name in names]


def exponential(mean, seed):
    draw = random.Random(seed)
    return lambda: draw.expovariate(1 / mean)


@pytest.mark.parametrize("seed", [1, 2])
def test_slot_time_follows_the_weights_however_long_each_teams_batch_jobs_run(seed):
    pool = Pool(
        8,
        short=Team(1, exponential(60, seed)),
        middle=Team(2, exponential(600, seed + 10)),
        long=Team(3, exponential(3600, seed + 20)),
    )
    pool.run(1_000_000)
    assert pool.parts("short", "middle", "long") == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.02)


def test_five_hundred_batch_jobs_of_one_team_do_not_hold_up_another():
    """The newcomer does not wait for the queue that was there first, only for one slot to come free."""
    pool = Pool(8, flood=Team(1, lambda: 600.0, lambda _: 500), late=Team(1, lambda: 600.0, lambda t: int(t >= 6000)))
    pool.run(60_000)
    assert max(pool.waits["late"][1:]) <= 1200
    assert len(pool.waits["late"]) > 50


def test_a_limit_leaves_the_rest_to_the_others_by_weight():
    """The limited team is always behind; that must not blur the difference between the other two."""
    pool = Pool(
        8,
        limited=Team(5, exponential(900, 1), limit=1),
        heavy=Team(3, exponential(900, 2)),
        light=Team(1, exponential(900, 3)),
    )
    pool.run(1_500_000)
    assert pool.parts("heavy", "light") == pytest.approx([3 / 4, 1 / 4], abs=0.02)
    assert pool.used["limited"] / pool.now > 0.95


def test_a_limit_that_is_raised_opens_no_account_of_saved_up_turns():
    pool = Pool(8, limited=Team(1, lambda: 600.0, limit=1), other=Team(1, lambda: 600.0))
    pool.run(30 * 24 * 3600)
    pool.teams["limited"].limit = None
    pool.used.clear()
    pool.run(pool.now + 24 * 3600)
    assert pool.parts("limited", "other") == pytest.approx([0.5, 0.5], abs=0.05)


def test_idle_and_paused_teams_save_up_nothing():
    back = 10 * 24 * 3600
    pool = Pool(
        8,
        busy=Team(1, lambda: 600.0),
        idle=Team(1, lambda: 600.0, lambda t: 20 if t >= back else 0),
        paused=Team(1, lambda: 600.0, paused=lambda t: t < back),
    )
    pool.run(back + 1200)
    pool.used.clear()
    pool.run(pool.now + 24 * 3600)
    assert pool.parts("busy", "idle", "paused") == pytest.approx([1 / 3, 1 / 3, 1 / 3], abs=0.05)


def test_a_limit_that_is_no_more_than_the_fair_share_costs_a_team_nothing():
    """When its slot comes free it takes the slot again, although the others' queue is older."""
    pool = Pool(
        2, limited=Team(1, exponential(600, 1), lambda _: 1, limit=1), other=Team(1, exponential(600, 2), lambda _: 50)
    )
    pool.run(1_000_000)
    assert pool.parts("limited", "other") == pytest.approx([0.5, 0.5], abs=0.02)


def test_one_endless_batch_job_does_not_starve_its_team():
    """After three weeks in one slot its team owes a day, not three weeks."""
    weeks = 21 * 24 * 3600.0
    runs = iter([weeks])
    pool = Pool(
        2,
        stuck=Team(1, lambda: next(runs, 600.0), lambda t: 9 if t >= weeks else int(t == 0)),
        other=Team(1, lambda: 600.0, lambda t: 9 if t >= weeks else 0),
    )
    pool._pass()
    pool._pass()  # Looking again while it runs: its team has nothing queued now.
    pool.run(weeks)
    assert pool.now == weeks
    pool.used.clear()
    pool.run(weeks + 3 * 24 * 3600)
    assert pool.used["stuck"] == pytest.approx(2.5 * 24 * 3600, rel=0.05)


def test_nobody_starves_whatever_the_weights():
    teams = {f"t{n}": Team(weight, exponential(300, n)) for n, weight in enumerate([0.1, 1, 10, 100])}
    pool = Pool(4, **teams)
    pool.run(500_000)
    total = sum(pool.used.values())
    assert pool.used["t0"] / total == pytest.approx(0.1 / 111.1, rel=0.5)


def test_a_run_of_the_simulation_is_the_same_every_time():
    def once(order):
        made = {"ads": Team(1, exponential(60, 1)), "maps": Team(2, exponential(90, 2))}
        pool = Pool(3, **{name: replace(made[name]) for name in order})
        pool.run(20_000)
        return pool.used

    assert once(["ads", "maps"]) == once(["maps", "ads"])
