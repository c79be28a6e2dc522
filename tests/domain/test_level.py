"""What happens to shares between two passes: no hoarded credit, no debt without end."""

from dataclasses import replace

import pytest
from hypothesis import given

from domain.sharing import a_contender, a_head, a_team, scenes, teams
from gateway.domain.level import level
from gateway.domain.shares import DEBT_CAP, Standing


def levelled(*contenders, known=None):
    result = level(known or teams(*[a_team(c.team) for c in contenders]), contenders)
    return {c.team: c.share.service for c in result.contenders}


def test_a_newly_backlogged_team_starts_at_the_lowest_contender():
    assert levelled(
        a_contender("ads", a_head(1), service=5000),
        a_contender("maps", a_head(2), service=7000),
        a_contender("search", a_head(3), service=0, standing=Standing.IDLE),
    ) == {"ads": 5000, "maps": 7000, "search": 5000}


def test_a_newly_backlogged_team_keeps_what_it_owes():
    services = levelled(
        a_contender("ads", a_head(1), service=100),
        a_contender("search", a_head(3), service=900, standing=Standing.IDLE),
    )
    assert services["search"] == 900


def test_a_team_that_contended_all_along_keeps_its_credit():
    services = levelled(a_contender("ads", a_head(1), service=100), a_contender("maps", a_head(2), service=900))
    assert services == {"ads": 100, "maps": 900}


def test_a_pause_hoards_no_credit():
    """A paused team counts as idle, so that its return is that of a newcomer."""
    known = teams(a_team("ads"), a_team("maps", paused=True))
    queued = (a_contender("ads", a_head(1), service=500), a_contender("maps", a_head(2), service=0))
    paused = level(known, queued)
    assert paused.contenders[1].share.standing is Standing.IDLE
    back = level(teams(a_team("ads"), a_team("maps")), paused.contenders)
    assert back.contenders[1].share.service == 500


def test_a_team_that_its_limit_kept_out_comes_back_no_further_than_half_a_day_below_the_lowest():
    services = levelled(
        a_contender("ads", a_head(1), service=900_000, mean=600),
        a_contender("maps", a_head(2), service=0, standing=Standing.BLOCKED),
    )
    assert services == {"ads": 900_000, "maps": 900_000 - 12 * 3600}


def test_what_is_charged_for_running_batch_jobs_is_not_cut_off_as_debt():
    """Their ends give the charge back: cut off before, it would be given back twice."""
    day = 24 * 3600.0
    ads = replace(a_contender("ads", a_head(1), service=10 * day), charged=9 * day)
    assert levelled(ads, a_contender("maps", a_head(2), service=0))["ads"] == 10 * day


def test_a_team_at_its_limit_is_no_measure_for_others():
    known = teams(a_team("ads", active=1, limit=1), a_team("maps"), a_team("search"))
    services = levelled(
        a_contender("ads", a_head(1), service=0),
        a_contender("maps", a_head(2), service=500_000),
        a_contender("search", a_head(3), service=0, standing=Standing.IDLE),
        known=known,
    )
    assert services == {"ads": 0, "maps": 500_000, "search": 500_000}


def test_debt_is_capped_at_a_day():
    """One batch job that held a slot for three weeks must not cost its team the next three."""
    weeks = 21 * 24 * 3600.0
    services = levelled(a_contender("ads", a_head(1), service=weeks), a_contender("maps", a_head(2), service=600))
    assert services == {"ads": 600 + 24 * 3600, "maps": 600}


def test_standings_are_told_and_only_changes_are_to_be_stored():
    known = teams(a_team("ads"), a_team("maps", active=2, limit=2), a_team("search"))
    result = level(
        known,
        [
            a_contender("ads", a_head(1)),
            a_contender("maps", a_head(2)),
            a_contender("search", standing=Standing.CONTENDING),
            a_contender("gone", a_head(4)),
        ],
    )
    assert [c.share.standing.name for c in result.contenders] == ["CONTENDING", "BLOCKED", "IDLE", "IDLE"]
    assert [(s.team, s.by, s.standing.name) for s in result.shifts] == [
        ("maps", 0, "BLOCKED"),
        ("search", 0, "IDLE"),
        ("gone", 0, "IDLE"),
    ]


def test_a_queue_whose_heads_were_not_read_counts_all_the_same():
    unread = replace(a_contender("ads", standing=Standing.IDLE), backlogged=True)
    result = level(teams(a_team("ads")), [unread])
    assert result.contenders[0].share.standing is Standing.CONTENDING


@given(scenes())
def test_after_levelling_no_contender_owes_more_than_a_day_and_doing_it_again_changes_nothing(scene):
    _, known, contenders = scene
    result = level(known, contenders)
    for pool in {c.pool for c in contenders}:
        here = [c.share for c in result.contenders if c.pool == pool and c.share.standing is Standing.CONTENDING]
        services = [share.service for share in here]
        assert not services or max(services) <= min(services) + DEBT_CAP
    assert level(known, result.contenders).shifts == ()


@given(scenes())
def test_shifts_are_the_differences_that_the_store_has_to_add(scene):
    _, known, contenders = scene
    result = level(known, contenders)
    shifts = {(s.pool, s.team): s for s in result.shifts}
    for old, new in zip(contenders, result.contenders, strict=True):
        shift = shifts.get((old.pool, old.team))
        assert new.share.service == pytest.approx(old.share.service + (shift.by if shift else 0))
        assert new.share.standing is (shift.standing if shift else old.share.standing)
