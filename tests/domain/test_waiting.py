"""The order in which the queue would go, and the reason why a batch job waits."""

from dataclasses import replace

import pytest
from hypothesis import given

from domain.sharing import OTHER_POOL, a_contender, a_head, a_pool, a_team, after, scenes, teams
from gateway.domain.fair_share import choose, order, plan
from gateway.domain.level import level
from gateway.domain.shares import CREDIT_CAP, settle
from gateway.domain.waiting import WaitingReason, next_pass, waiting_reason


def ids(*arguments):
    return [choice.head.id for choice in order(*arguments)]


def test_the_order_is_that_of_service_and_goes_on_charging():
    contenders = [
        a_contender("ads", *[a_head(n) for n in (1, 2, 3, 4)], service=0, mean=100),
        a_contender("maps", a_head(5), a_head(6), service=150, mean=100),
    ]
    assert ids(a_pool(2, 2), teams(a_team("ads"), a_team("maps")), contenders) == [1, 2, 5, 3, 6, 4]


def test_a_team_at_its_limit_gets_its_turn_when_one_of_its_own_ends():
    known = teams(a_team("ads", active=1, limit=1), a_team("maps", active=1))
    contenders = [
        a_contender("ads", a_head(1), a_head(2), service=0, active=1),
        a_contender("maps", a_head(3), a_head(4), service=500, active=1),
    ]
    assert ids(a_pool(2, 2), known, contenders) == [1, 3, 2, 4]


def test_a_free_slot_that_a_limit_keeps_empty_goes_to_others():
    known = teams(a_team("ads", active=1, limit=1), a_team("maps"))
    contenders = [a_contender("ads", a_head(1), active=1), a_contender("maps", a_head(2), service=500)]
    assert ids(a_pool(2, 1), known, contenders) == [2, 1]


def test_slots_that_others_hold_come_free_too():
    assert ids(a_pool(2, 0, others=2), teams(a_team("ads")), [a_contender("ads", a_head(1))]) == [1]


def test_a_pool_that_shrank_waits_for_what_runs_and_then_goes_on():
    pool = a_pool(1, 3)
    contenders = [a_contender("ads", a_head(1), a_head(2), active=3)]
    assert ids(pool, teams(a_team("ads", active=3, limit=1)), contenders) == [1, 2]


@pytest.mark.parametrize(
    "known",
    [
        teams(a_team("ads", paused=True)),
        teams(),
        teams(a_team("ads", limit=0)),
        teams(a_team("ads", active=2, limit=2)),  # both in another pool
    ],
)
def test_what_no_freed_slot_lets_in_has_no_place_in_the_order(known):
    assert ids(a_pool(), known, [a_contender("ads", a_head(1))]) == []


def test_a_draining_pool_has_no_order_and_a_closed_gate_does_not_change_it():
    contenders = [a_contender("ads", a_head(1))]
    assert ids(a_pool(0), teams(a_team("ads")), contenders) == []
    assert ids(a_pool(gate_open=False), teams(a_team("ads")), contenders) == [1]


@given(scenes())
def test_each_queued_batch_job_has_at_most_one_place(scene):
    pools, known, contenders = scene
    places = ids(pools[0], known, contenders)
    assert len(places) == len(set(places))
    assert set(places) <= {head.id for c in contenders if c.pool == pools[0].id for head in c.heads}


@given(scenes())
def test_without_limits_everything_that_may_run_has_a_place_in_the_order_of_choose(scene):
    """`choose` is asked again and again, with one more slot each time."""
    (pool, _), known, contenders = scene
    pool = replace(pool, gate_open=True)
    known = {name: replace(team, limit=None) for name, team in known.items()}
    expected = []
    grown, now_known, now = pool, known, contenders
    while pool.capacity > 0:
        grown = replace(grown, capacity=grown.active + grown.others + grown.strays + 1)
        choice = choose([grown], now_known, now)
        if choice is None:
            break
        expected.append(choice)
        (grown,), now_known, now = after(choice, [grown], now_known, now)
    assert list(order(pool, known, contenders)) == expected


@given(scenes())
def test_the_first_of_the_order_is_what_choose_takes_now_where_it_takes_anything(scene):
    pools, known, contenders = scene
    for pool in pools:
        if choice := choose([pool], known, contenders):
            assert order(pool, known, contenders)[0] == choice


class Played:
    """A pool in which the real decision is made again and again: level, plan, charge, settle. Nothing arrives, and what
    was charged is what is used.
    """

    def __init__(self, pool, known, contenders):
        held = {c.team: c.active for c in contenders}
        known = {name: replace(team, active=team.active + held.get(name, 0)) for name, team in known.items()}
        shares = (replace(c.share, service=min(c.share.service, CREDIT_CAP / 2)) for c in contenders)
        contenders = tuple(replace(c, share=share) for c, share in zip(contenders, shares, strict=True))
        self.known, self.pool = known, a_pool(max(1, pool.capacity), sum(held.values()))
        self.contenders = level(known, contenders).contenders
        self.running = [(team, 0.0) for turn in range(9) for team in sorted(held) if held[team] > turn]

    def places(self):
        return [choice.head.id for choice in order(self.pool, self.known, self.contenders)]

    def play(self):
        """Every batch job in the order in which it got a slot."""
        went = []
        while True:
            self.contenders = level(self.known, self.contenders).contenders
            for choice in plan([self.pool], self.known, self.contenders):
                (self.pool,), self.known, self.contenders = after(choice, [self.pool], self.known, self.contenders)
                self.running.append((choice.team, choice.charge))
                went.append(choice.head.id)
            if not self.running:
                return went
            self._end(*self.running.pop(0))

    def _end(self, name, charge):
        self.pool = replace(self.pool, active=self.pool.active - 1)
        if name in self.known:
            team = self.known[name]
            self.known = {**self.known, name: replace(team, active=team.active - 1)}
        self.contenders = tuple(self._ended(c, charge) if c.team == name else c for c in self.contenders)

    def _ended(self, c, charge):
        weight = self.known[c.team].weight if c.team in self.known else 1
        share = settle(c.share, charge=charge, used=charge * weight, weight=weight, ran=False)
        return replace(c, active=c.active - 1, charged=c.charged - charge, share=share)


@given(scenes())
def test_the_decision_made_one_freed_slot_at_a_time_follows_the_positions_given_before(scene):
    (pool, _), known, contenders = scene
    played = Played(pool, known, [c for c in contenders if c.pool == pool.id])
    places = played.places()
    assert played.play() == places


FULL = a_pool(2, 2)
ROOM = a_pool(2, 1)
AT_LIMIT = a_team("ads", active=1, limit=1)


@pytest.mark.parametrize(
    ("pool", "team", "has_leader", "reason"),
    [
        (FULL, None, True, "TEAM_REMOVED"),
        (None, a_team("ads"), True, "POOL_DRAINING"),
        (a_pool(0), a_team("ads"), True, "POOL_DRAINING"),
        (FULL, a_team("ads", paused=True), True, "TEAM_PAUSED"),
        (FULL, a_team("ads"), False, "NO_LEADER"),
        (replace(ROOM, gate_open=False), a_team("ads"), True, "GATE_CLOSED"),
        (ROOM, AT_LIMIT, True, "TEAM_LIMIT"),
        (FULL, AT_LIMIT, True, "TEAM_LIMIT"),
        (a_pool(2, 1, others=1), a_team("ads"), True, "OTHERS_HOLD_POOL"),
        (a_pool(2, 0, others=5), a_team("ads"), True, "OTHERS_HOLD_POOL"),
        (a_pool(2, 2, others=1), a_team("ads"), True, "POOL_FULL"),
        (a_pool(2, 1, strays=1), a_team("ads"), True, "POOL_FULL"),
        (FULL, a_team("ads"), True, "POOL_FULL"),
        (ROOM, a_team("ads"), True, "DISPATCHING"),  # it came after the others were counted
    ],
)
def test_the_reason_names_what_keeps_it(pool, team, has_leader, reason):
    assert waiting_reason(pool, team, has_leader=has_leader) is WaitingReason(reason)


def test_what_the_next_pass_takes_waits_for_nothing_but_a_leader():
    assert waiting_reason(FULL, AT_LIMIT, taken=True) is WaitingReason.DISPATCHING
    assert waiting_reason(FULL, AT_LIMIT, taken=True, has_leader=False) is WaitingReason.NO_LEADER


def test_of_several_reasons_the_one_that_does_not_pass_by_itself_is_told():
    """All causes at once, taken away one by one."""
    worst = a_pool(0, 0, others=2, gate_open=False)
    limited = replace(AT_LIMIT, paused=True)
    told = [
        waiting_reason(worst, None, has_leader=False),
        waiting_reason(worst, limited, has_leader=False),
        waiting_reason(replace(worst, capacity=2), limited, has_leader=False),
        waiting_reason(replace(worst, capacity=2), AT_LIMIT, has_leader=False),
        waiting_reason(replace(worst, capacity=2), AT_LIMIT),
        waiting_reason(replace(worst, capacity=2, gate_open=True), AT_LIMIT),
        waiting_reason(replace(worst, capacity=2, gate_open=True), a_team("ads")),
        waiting_reason(replace(worst, capacity=2, gate_open=True, others=0, active=2), a_team("ads")),
        waiting_reason(replace(worst, capacity=2, gate_open=True, others=0, active=2), a_team("ads"), taken=True),
    ]
    assert told == [
        WaitingReason.TEAM_REMOVED,
        WaitingReason.POOL_DRAINING,
        WaitingReason.TEAM_PAUSED,
        WaitingReason.NO_LEADER,
        WaitingReason.GATE_CLOSED,
        WaitingReason.TEAM_LIMIT,
        WaitingReason.OTHERS_HOLD_POOL,
        WaitingReason.POOL_FULL,
        WaitingReason.DISPATCHING,
    ]
    assert set(told) == set(WaitingReason)


def explained(pool, known, contenders):
    """The reason of every queued batch job of the pool, by id."""
    coming = next_pass(pool, known, contenders)
    return {
        head.id: waiting_reason(coming.pool, coming.teams.get(c.team), taken=head.id in coming.taken)
        for c in contenders
        if c.pool == pool.id
        for head in c.heads
    }


def those_dispatching(reasons):
    return {number for number, reason in reasons.items() if reason is WaitingReason.DISPATCHING}


@given(scenes())
def test_dispatching_is_said_of_exactly_what_the_controller_takes_next(scene):
    pools, known, contenders = scene
    for pool in pools:
        taken = {choice.head.id for choice in plan([pool], known, contenders)}
        assert those_dispatching(explained(pool, known, contenders)) == taken


@given(scenes())
def test_dispatching_means_that_nothing_blocks_it_and_fewer_stand_before_it_than_slots_are_free(scene):
    """Without limits the place in the order says who is before it; a limit may put aside one that stands before."""
    (pool, _), known, contenders = scene
    known = {name: replace(team, limit=None) for name, team in known.items()}
    free = pool.free if pool.gate_open else 0
    expected = set(ids(pool, known, contenders)[: max(0, free)])
    assert those_dispatching(explained(pool, known, contenders)) == expected


@given(scenes())
def test_one_that_came_after_the_pass_was_looked_at_is_dispatched_where_it_would_be(scene):
    """As the create's own answer is: it is not among the contenders that were counted up to a second before."""
    (pool, _), known, contenders = scene
    coming = next_pass(pool, known, contenders)
    others = [replace(c, heads=c.heads[:0], backlogged=False) for c in contenders if c.pool == pool.id]
    for name in known:
        late = [replace(c, heads=(a_head(5000),), backlogged=True) if c.team == name else c for c in others]
        taken = choose([coming.pool], coming.teams, late) is not None
        assert (waiting_reason(coming.pool, coming.teams[name]) is WaitingReason.DISPATCHING) == taken


@given(scenes())
def test_what_is_said_to_keep_a_batch_job_is_true_once_the_pass_is_over(scene):
    """Above all no full pool is claimed where a slot stays free."""
    pools, known, contenders = scene
    for pool in pools:
        coming = next_pass(pool, known, contenders)
        reasons = set(explained(pool, known, contenders).values())
        assert coming.pool.free <= 0 or not reasons & {WaitingReason.POOL_FULL, WaitingReason.OTHERS_HOLD_POOL}
        assert pool.gate_open or WaitingReason.DISPATCHING not in reasons


def test_a_team_whose_own_next_batch_job_fills_its_limit_is_told_of_the_limit():
    contenders = [a_contender("ads", a_head(1), a_head(2))]
    told = explained(a_pool(5), teams(a_team("ads", limit=1)), contenders)
    assert told == {1: WaitingReason.DISPATCHING, 2: WaitingReason.TEAM_LIMIT}


def test_the_last_free_slot_dispatches_one_and_is_full_for_the_next():
    contenders = [a_contender("ads", a_head(1)), a_contender("maps", a_head(2), service=500)]
    told = explained(a_pool(2, 1), teams(a_team("ads"), a_team("maps")), contenders)
    assert told == {1: WaitingReason.DISPATCHING, 2: WaitingReason.POOL_FULL}


def test_other_pools_do_not_appear_in_the_order():
    assert ids(a_pool(), teams(a_team("ads")), [a_contender("ads", a_head(1), pool=OTHER_POOL)]) == []
