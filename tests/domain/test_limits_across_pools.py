"""A limit is over all pools: where a team's next slot goes that may have only one more."""

from dataclasses import replace

from hypothesis import given

from domain.sharing import OTHER_POOL, POOL, a_contender, a_head, a_pool, a_team, scenes, teams
from gateway.domain.fair_share import choose, order
from gateway.domain.waiting import next_pass

ADS = a_team("ads", active=1, limit=2)
MAPS = a_team("maps")
FULL = a_pool(2, 2, pool=OTHER_POOL)


def chosen(here, there, *others, known=(ADS, MAPS), elsewhere=FULL):
    """Whom a slot of this pool goes to, when ads queues `here` and in the other pool `there`."""
    contenders = [a_contender("ads", here), a_contender("ads", there, pool=OTHER_POOL), *others]
    choice = choose([a_pool(2, 1), elsewhere], teams(*known), contenders)
    return choice and choice.team


def test_the_last_slot_of_a_limit_is_kept_for_an_older_head_that_is_next_in_another_pool():
    """Else the team would take each slot that it gave back in the same pool again, and its other queue would starve."""
    rival = a_contender("maps", a_head(9), service=500)
    assert chosen(a_head(2), a_head(1), rival) == "maps"
    assert chosen(a_head(1), a_head(2), rival) == "ads"


def test_the_teams_own_priority_decides_before_age():
    rival = a_contender("maps", a_head(9), service=500)
    assert chosen(a_head(2, priority=90), a_head(1), rival) == "ads"


def test_no_slot_stays_free_for_it():
    assert chosen(a_head(2), a_head(1)) == "ads"


def test_a_team_that_is_not_next_elsewhere_keeps_nothing_back():
    rival = a_contender("maps", a_head(9), service=500)
    ahead = a_contender("maps", a_head(0), pool=OTHER_POOL)
    assert chosen(a_head(2), a_head(1), rival, ahead) == "ads"


def test_nothing_is_kept_for_a_pool_that_lets_nobody_in():
    rival = a_contender("maps", a_head(9), service=500)
    for shut in (replace(FULL, gate_open=False), a_pool(0, 0, pool=OTHER_POOL), replace(FULL, active=0, others=2)):
        assert chosen(a_head(2), a_head(1), rival, elsewhere=shut) == "ads"


def test_a_team_with_room_for_all_its_pools_keeps_nothing_back():
    rival = a_contender("maps", a_head(9), service=500)
    for team in (replace(ADS, limit=3), replace(ADS, limit=None)):
        assert chosen(a_head(2), a_head(1), rival, known=(team, MAPS)) == "ads"


def test_of_two_pools_with_a_free_slot_the_one_with_the_better_head_is_served():
    contenders = [a_contender("ads", a_head(2), pool=OTHER_POOL), a_contender("ads", a_head(1))]
    choice = choose([a_pool(), a_pool(pool=OTHER_POOL)], teams(ADS), contenders)
    assert (choice.pool, choice.head.id) == (POOL, 1)


def test_the_explanation_knows_of_the_other_pool_too():
    contenders = [
        *(a_contender("ads", a_head(2)), a_contender("ads", a_head(1), pool=OTHER_POOL)),
        a_contender("maps", a_head(9), service=500),
    ]
    here, known = a_pool(2, 1), teams(ADS, MAPS)
    assert [choice.head.id for choice in order(here, known, contenders, [FULL])] == [9, 2]
    assert next_pass(here, known, contenders, [FULL]).taken == {9}
    assert [choice.head.id for choice in order(here, known, contenders)] == [2, 9]


@given(scenes())
def test_a_blocked_team_delays_nobody(scene):
    """Without the teams that have no room the choice is the same."""
    pools, known, contenders = scene
    free = [c for c in contenders if c.team in known and known[c.team].has_room and not known[c.team].paused]
    assert choose(pools, known, contenders) == choose(pools, known, free)


@given(scenes())
def test_the_order_of_a_pool_says_what_choose_does_when_only_that_pool_has_slots(scene):
    pools, known, contenders = scene
    for pool in pools:
        elsewhere = [replace(each, active=99) for each in pools if each is not pool]
        if choice := choose([pool, *elsewhere], known, contenders):
            assert order(pool, known, contenders, elsewhere)[0] == choice
