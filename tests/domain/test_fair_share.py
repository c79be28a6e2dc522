"""Who gets the next slot: the rules one by one, then what must hold for any snapshot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sharing import (
    OTHER_POOL,
    POOL,
    a_contender,
    a_head,
    a_pool,
    a_team,
    after,
    scenes,
    teams,
)
from gateway.domain.fair_share import choose, plan, probe
from gateway.domain.shares import FIRST_RUN


def chosen(*contenders, known=None, pool=None):
    known = known or teams(*[a_team(c.team) for c in contenders])
    choice = choose([pool or a_pool()], known, contenders)
    return choice and (choice.team, choice.head.id)


def test_the_team_with_the_lowest_service_goes_first_whatever_its_age_or_priority():
    old = a_contender("ads", a_head(1, priority=100), service=10)
    poor = a_contender("maps", a_head(2, age=9999, priority=0), service=9.5)
    assert chosen(old, poor) == ("maps", 2)


def test_among_equal_services_the_oldest_head_goes_first():
    assert chosen(a_contender("ads", a_head(1, age=9)), a_contender("maps", a_head(2, age=3))) == ("maps", 2)


def test_among_equally_old_heads_the_lowest_id_goes_first():
    assert chosen(a_contender("ads", a_head(2, age=3)), a_contender("maps", a_head(1, age=3))) == ("maps", 1)


def test_within_a_team_priority_goes_before_age():
    assert chosen(a_contender("ads", a_head(1, age=0), a_head(2, age=9, priority=51))) == ("ads", 2)
    assert chosen(a_contender("ads", a_head(2, age=9), a_head(1, age=3))) == ("ads", 1)


def test_priority_never_counts_between_teams():
    """Else everyone would send 100: of two equal teams the older head wins although its priority is lower."""
    loud = a_contender("ads", a_head(1, age=5, priority=100))
    calm = a_contender("maps", a_head(2, age=4, priority=0))
    assert chosen(loud, calm) == ("maps", 2)


def test_a_team_at_its_limit_delays_nobody():
    known = teams(a_team("ads", active=2, limit=2), a_team("maps"))
    assert chosen(a_contender("ads", a_head(1)), a_contender("maps", a_head(2), service=99), known=known) == ("maps", 2)


def test_a_limit_of_zero_lets_nothing_through():
    assert chosen(a_contender("ads", a_head(1)), known=teams(a_team("ads", limit=0))) is None


def test_a_shrunk_limit_stops_new_dispatches_until_it_fits():
    assert chosen(a_contender("ads", a_head(1)), known=teams(a_team("ads", active=5, limit=2))) is None
    assert chosen(a_contender("ads", a_head(1)), known=teams(a_team("ads", active=1, limit=2))) == ("ads", 1)


@pytest.mark.parametrize("known", [teams(a_team("ads", paused=True)), teams(a_team("maps"))])
def test_paused_and_removed_teams_are_passed_over(known):
    assert chosen(a_contender("ads", a_head(1)), known=known) is None


@pytest.mark.parametrize(
    "pool",
    [
        a_pool(8, 0, gate_open=False),
        a_pool(0, 0),
        a_pool(2, 2),
        a_pool(2, 5),
        a_pool(8, 4, others=4),
        a_pool(8, 4, others=3, strays=1),
    ],
)
def test_a_closed_gate_or_a_pool_without_a_free_slot_takes_nothing(pool):
    assert chosen(a_contender("ads", a_head(1)), pool=pool) is None


def test_another_pools_queue_is_none_of_this_pools_business():
    assert chosen(a_contender("ads", a_head(1), pool=OTHER_POOL)) is None


def test_a_dispatch_charges_the_mean_run_time_by_weight():
    known = teams(a_team("ads", weight=3))
    choice = choose([a_pool()], known, [a_contender("ads", a_head(1), mean=600)])
    assert choice.charge == pytest.approx(200)


def test_a_team_without_history_is_charged_the_default():
    choice = choose([a_pool()], teams(a_team("ads", weight=2)), [a_contender("ads", a_head(1), mean=None)])
    assert choice.charge == pytest.approx(FIRST_RUN / 2)


def test_one_pass_spends_a_teams_limit_over_all_pools_in_the_order_of_their_names():
    pools = [a_pool(), a_pool(pool=OTHER_POOL)]
    contenders = [a_contender("ads", a_head(1), a_head(2)), a_contender("ads", a_head(3), pool=OTHER_POOL)]
    choices = plan(pools, teams(a_team("ads", limit=2)), contenders)
    assert [(c.pool, c.head.id) for c in choices] == [(OTHER_POOL, 3), (POOL, 1)]


def test_weights_decide_how_slots_of_one_pass_are_split():
    heads = [a_head(n) for n in range(40)]
    known = teams(a_team("ads", weight=3), a_team("maps", weight=1))
    choices = plan([a_pool(8)], known, [a_contender("ads", *heads[:20]), a_contender("maps", *heads[20:])])
    assert [c.team for c in choices].count("ads") == 6


def test_the_probe_takes_the_least_refused_whatever_its_team_and_place():
    refused = a_contender("ads", a_head(1, refusals=2), a_head(2, refusals=1), service=0)
    other = a_contender("maps", a_head(3, refusals=1), service=50)
    known = teams(a_team("ads"), a_team("maps"))
    pool = a_pool(gate_open=False)
    assert probe(pool, known, [refused, other]).head.id == 2
    assert probe(pool, known, [refused, a_contender("maps", a_head(3), service=50)]).head.id == 3


def test_probes_come_round_to_everyone_and_do_not_stay_with_one_head():
    """The same head again and again would keep a pool shut for ever."""
    known, tried, refusals = teams(a_team("ads")), [], {1: 0, 2: 0, 3: 0}
    for _ in range(6):
        heads = [a_head(number, refusals=count) for number, count in refusals.items()]
        head = probe(a_pool(gate_open=False), known, [a_contender("ads", *heads)]).head.id
        refusals[head] += 1
        tried.append(head)
    assert tried == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("pool", "team"),
    [
        (a_pool(1, 1, gate_open=False), a_team("ads")),
        (a_pool(gate_open=False), a_team("ads", active=1, limit=1)),
        (a_pool(gate_open=False), a_team("ads", paused=True)),
        (a_pool(gate_open=False), a_team("maps")),
    ],
)
def test_a_probe_keeps_to_capacity_limits_and_pauses(pool, team):
    assert probe(pool, teams(team), [a_contender("ads", a_head(1))]) is None


@given(scenes())
def test_capacity_and_limits_are_never_exceeded(scene):
    pools, known, contenders = scene
    choices = plan(pools, known, contenders)
    for pool in pools:
        taken = [c for c in choices if c.pool == pool.id]
        assert len(taken) <= max(0, pool.free)
        assert not taken or pool.gate_open
    for name in {c.team for c in choices}:
        team = known[name]
        assert not team.paused
        assert team.limit is None or team.active + [c.team for c in choices].count(name) <= team.limit


@given(scenes())
def test_no_slot_stays_free_while_an_eligible_batch_job_waits(scene):
    pools, known, contenders = scene
    choices = plan(pools, known, contenders)
    taken = [c.head for c in choices]
    for pool in (p for p in pools if p.gate_open):
        if pool.free <= [c.pool for c in choices].count(pool.id):
            continue
        for c in (c for c in contenders if c.pool == pool.id and c.team in known):
            team, left = known[c.team], [h for h in c.heads if h not in taken]
            active = team.active + [x.team for x in choices].count(c.team)
            assert not left or team.paused or (team.limit is not None and active >= team.limit)


@given(scenes(), st.randoms())
def test_the_order_of_the_input_does_not_matter(scene, random):
    pools, known, contenders = scene
    mixed = [list(pools), list(known.items()), list(contenders)]
    for part in mixed:
        random.shuffle(part)
    assert plan(mixed[0], dict(mixed[1]), mixed[2]) == plan(pools, known, contenders)


@given(scenes())
def test_a_pass_takes_what_choose_takes_one_after_another(scene):
    pools, known, contenders = scene
    expected = []
    while choice := choose(pools, known, contenders):
        expected.append(choice)
        pools, known, contenders = after(choice, pools, known, contenders)
    assert list(plan(*scene)) == expected
