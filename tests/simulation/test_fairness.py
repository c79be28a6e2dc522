"""What fair share promises over a long time, held in virtual time with generated teams, weights and run times."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.shares import DEBT_CAP
from gateway.simulation.replay import Replay
from gateway.simulation.trace import Arrival
from simulation.replays import DAY, HOUR, OTHER_POOL, POOL, a_policy, a_team, backlog, replayed, used

NAMES = ("ads", "maps", "ranking", "search")
WEIGHTS = st.sampled_from([0.5, 1.0, 2.0, 3.0])


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from([300.0, 600.0, 1800.0])), min_size=2, max_size=4
    ),
    st.integers(4, 8),
    st.integers(0, 99),
)
def test_contended_slot_time_follows_the_weights_within_five_percent_where_runs_are_short(teams, capacity, seed):
    named = dict(zip(NAMES, teams, strict=False))
    horizon = 9 * DAY
    policy = a_policy(*[a_team(name, weight) for name, (weight, _) in named.items()], capacity=capacity)
    arrivals = [a for name, (_, mean) in named.items() for a in backlog(name, capacity * horizon, mean, seed)]
    had = used(replayed(policy, arrivals, until=horizon).ran, DAY, horizon)
    weights = sum(weight for weight, _ in teams)
    for name, (weight, _) in named.items():
        assert had[name] / sum(had.values()) == pytest.approx(weight / weights, rel=0.05)


@pytest.mark.parametrize(("capacity", "part"), [(1, 0.37), (2, 0.44), (8, 0.494), (20, 0.495)])
def test_what_the_cap_on_debt_costs_between_day_long_and_twelve_minute_runs(capacity, part):
    """Half each is due. The figures stand in docs/fairness.md."""
    horizon = 40 * DAY
    policy = a_policy(a_team("long"), a_team("short"), capacity=capacity)
    arrivals = [*backlog("long", capacity * horizon, DAY), *backlog("short", capacity * horizon, 720)]
    had = used(replayed(policy, arrivals, until=horizon).ran, 10 * DAY, horizon)
    assert had["short"] / sum(had.values()) == pytest.approx(part, abs=0.002)


@st.composite
def bursts(draw):
    """Teams that come and go with short and long runs, on few slots."""
    names = NAMES[: draw(st.integers(2, 4))]
    longest = draw(st.sampled_from([HOUR, 12 * HOUR, 3 * DAY]))
    arrivals = []
    for name in names:
        for _ in range(draw(st.integers(1, 3))):
            time, run = draw(st.sampled_from([0.0, HOUR, DAY, 9 * DAY])), draw(st.sampled_from([60.0, 600.0, longest]))
            arrivals += [Arrival(time, name, run) for _ in range(draw(st.sampled_from([1, 5, 40, 200])))]
    weights = {name: draw(WEIGHTS) for name in names}
    return weights, draw(st.integers(1, 4)), arrivals


def longest_waits(ran):
    """How long each team's first queued batch job waited at most, from when it became the first."""
    waits, since = defaultdict(float), defaultdict(float)
    for each in sorted(ran, key=lambda each: each.start):
        team = each.job.arrival.team
        waits[team] = max(waits[team], each.start - max(since[team], each.job.arrival.time))
        since[team] = each.start
    return waits


def bound(weights, team, capacity, longest):
    """In the longest run: two for each of the team's weights that the pool holds, and the cap on debt for the others'
    weights, over the slots.
    """
    others = sum(weights.values()) - weights[team]
    return 2 * longest * (1 + others / weights[team]) + DEBT_CAP * others / capacity


@settings(max_examples=60)
@given(bursts())
def test_nobody_starves(burst):
    weights, capacity, arrivals = burst
    policy = a_policy(*[a_team(name, weight) for name, weight in weights.items()], capacity=capacity)
    longest = max(arrival.run for arrival in arrivals)
    for team, wait in longest_waits(replayed(policy, arrivals).ran).items():
        assert wait <= bound(weights, team, capacity, longest)


def test_what_was_borrowed_for_weeks_is_paid_for_a_day_at_most():
    """The pool was one team's alone, and its queue empty just as another came."""
    alone = [Arrival(0.0, "ads", HOUR) for _ in range(4 * 24 * 28)]
    back, other = Arrival(28 * DAY + 1, "ads", HOUR), backlog("maps", 4 * 20 * DAY, HOUR, time=28 * DAY, exact=True)
    ran = replayed(a_policy(a_team("ads"), a_team("maps"), capacity=4), [*alone, back, *other]).ran
    (waited,) = [each.wait for each in ran if each.job.arrival is back]
    assert waited <= DAY / 4 + 2 * HOUR


def test_what_nobody_else_wants_is_lent():
    """A team alone in the pool has all of it; the other's first batch job waits for one run, not for its queue."""
    policy = a_policy(a_team("ads"), a_team("maps", weight=3), capacity=4)
    late = [Arrival(2 * DAY, "maps", HOUR) for _ in range(40)]
    ran = replayed(policy, [*backlog("ads", 4 * 4 * DAY, HOUR, exact=True), *late]).ran
    assert used(ran, 0, 2 * DAY)["ads"] == pytest.approx(4 * 2 * DAY)
    waits = sorted(each.wait for each in ran if each.job.arrival.team == "maps")
    assert waits[0] <= HOUR


def test_a_team_without_work_for_days_hoards_no_credit():
    """It gets its half from the first hours on, and not the whole pool."""
    policy, capacity = a_policy(a_team("ads"), a_team("maps"), capacity=4), 4
    busy, back = backlog("ads", capacity * 7 * DAY, 600), backlog("maps", capacity * DAY, 600, time=6 * DAY)
    had = used(replayed(policy, [*busy, *back], until=6.5 * DAY).ran, 6 * DAY, 6.5 * DAY)
    assert had["maps"] / sum(had.values()) == pytest.approx(0.5, rel=0.05)


def test_a_team_pays_no_old_debt_for_ever():
    """It had the pool to itself for days; together with another each gets its half after the day of its debt."""
    policy, capacity = a_policy(a_team("ads"), a_team("maps"), capacity=4), 4
    for first, second in (("ads", "maps"), ("maps", "ads")):
        alone = backlog(first, capacity * 5 * DAY, 600)
        together = [a for team in (first, second) for a in backlog(team, capacity * 4 * DAY, 600, time=6 * DAY)]
        had = used(replayed(policy, [*alone, *together]).ran, 6 * DAY + DAY, 9 * DAY)
        assert had[first] / sum(had.values()) == pytest.approx(0.5, rel=0.05)


def test_a_team_at_its_limit_is_served_in_both_of_its_pools():
    """Its batch jobs go in the order of their age, wherever they wait; the other team keeps both pools busy."""
    policy = a_policy(a_team("ads", limit=1, pools=(POOL, OTHER_POOL)), a_team("maps", pools=(POOL, OTHER_POOL)))
    places = (str(POOL), str(OTHER_POOL))
    mine = [Arrival(DAY + n, "ads", 600.0, places[n % 2]) for n in range(100)]
    others = [a for place in places for a in backlog("maps", 8 * 3 * DAY, 600, place=place)]
    ran = [each for each in replayed(policy, [*mine, *others]).ran if each.job.arrival.team == "ads"]
    assert all(abs(each.job.arrival.time - DAY - turn) <= 2 for turn, each in enumerate(ran))
    assert ran[-1].end - DAY <= 100 * 600 * 1.25


def test_no_slot_stays_free_while_it_waits_for_its_turn_elsewhere():
    policy = a_policy(a_team("ads", limit=1, pools=(POOL, OTHER_POOL)), a_team("maps", pools=(OTHER_POOL,)))
    mine = [Arrival(0.0, "ads", 600.0, str(OTHER_POOL)), *[Arrival(1.0, "ads", 600.0, str(POOL)) for _ in range(9)]]
    others = [Arrival(0.0, "maps", 600.0) for _ in range(40)]
    ran = replayed(policy, [*others, *mine]).ran
    used_alone = [each for each in ran if each.job.pool == POOL]
    assert len(used_alone) == 9
    assert used_alone[0].start <= 600


@st.composite
def busy(draw):
    """Two pools, teams with limits and priorities, all at once."""
    limits = {name: draw(st.none() | st.integers(1, 4)) for name in NAMES}
    place = st.sampled_from([str(POOL), str(OTHER_POOL)])
    teams = [a_team(name, draw(WEIGHTS), limits[name], pools=(POOL, OTHER_POOL)) for name in NAMES]
    policy = a_policy(*teams, capacity=draw(st.integers(0, 3)), other_capacity=draw(st.integers(1, 3)))
    one = st.builds(
        Arrival,
        time=st.integers(0, 9).map(lambda n: 100.0 * n),
        team=st.sampled_from(NAMES),
        run=st.sampled_from([0.0, 50.0, 100.0, 1000.0, 2 * DAY]),
        place=place,
        priority=st.sampled_from([0, 50, 100]),
    )
    return policy, draw(st.lists(one, min_size=1, max_size=40))


class Thorough(Replay):
    """Looks at every pool at every moment, as the controller does."""

    def _pass(self, now):
        self._moved = set(self._capacity)
        super()._pass(now)


@given(busy(), st.booleans())
def test_looking_only_where_something_moved_decides_the_same(case, fair):
    policy, arrivals = case
    assert replayed(policy, arrivals, fair=fair) == replayed(policy, arrivals, replay=Thorough, fair=fair)


@given(busy(), st.booleans())
def test_capacity_and_limits_hold_and_no_slot_is_free_while_somebody_waits_for_it(case, fair):
    policy, arrivals = case
    done = replayed(policy, arrivals, fair=fair)
    assert len(done.ran) + len(done.held) == len(arrivals)
    moments = sorted({each.start for each in done.ran} | {each.end for each in done.ran})
    for now in moments:
        active = [each for each in done.ran if each.start <= now < each.end]
        waiting = [each.job for each in done.ran if each.job.arrival.time <= now < each.start]
        for pool in policy.pools.values():
            here = [each for each in active if each.job.pool == pool.id]
            assert len(here) <= pool.capacity
            for job in waiting if len(here) < pool.capacity else ():
                quota = policy.teams[job.arrival.team].quotas.active_jobs
                held = sum(each.job.arrival.team == job.arrival.team for each in active)
                assert job.pool != pool.id or (quota is not None and held >= quota.limit)


@given(busy())
def test_without_fair_share_each_pool_goes_by_age_where_no_limit_holds(case):
    arrivals = case[1]
    free = a_policy(*[a_team(name, pools=(POOL, OTHER_POOL)) for name in NAMES], capacity=2, other_capacity=2)
    for pool in free.pools:
        ran = [each.job.arrival.time for each in replayed(free, arrivals, fair=False).ran if each.job.pool == pool]
        assert ran == sorted(ran)
