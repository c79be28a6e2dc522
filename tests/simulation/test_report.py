"""The figures of a replay, and how they are shown."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.generate import Mix, generate
from gateway.simulation.limits import Filled
from gateway.simulation.picture import picture_of
from gateway.simulation.replay import Ran
from gateway.simulation.report import report
from gateway.simulation.text import text_of, wait_text
from gateway.simulation.trace import Arrival, Job
from simulation.replays import DAY, POOL, a_policy, a_team, replayed

SVG = "{http://www.w3.org/2000/svg}"


def reports(policy, arrivals):
    return [
        report("fair share", policy, replayed(policy, arrivals)),
        report("first come", policy, replayed(policy, arrivals, fair=False)),
    ]


def test_waits_shares_and_use_are_those_of_the_trace():
    """One slot for a hundred seconds of arrivals: ads has it for 60 of them, maps for 40."""
    policy = a_policy(a_team("ads", 3), a_team("maps"), capacity=1)
    arrivals = [Arrival(0, "ads", 60), Arrival(0, "maps", 30), Arrival(100, "maps", 10)]
    shown = report("x", policy, replayed(policy, arrivals)).pools[POOL]
    ads, maps = shown.lines["ads"], shown.lines["maps"]
    assert (shown.capacity, shown.use) == (1, pytest.approx(0.9))
    assert (ads.jobs, ads.p50, ads.longest, ads.due) == (1, 0, 0, 0.75)
    assert (maps.jobs, maps.p50, maps.p95, maps.longest, maps.due) == (2, 0, 60, 60, 0.25)
    assert (ads.share, maps.share) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_what_never_gets_a_slot_is_counted():
    policy = a_policy(a_team("ads"), capacity=0)
    line = report("x", policy, replayed(policy, [Arrival(0, "ads", 1), Arrival(9, "ads", 1)])).pools[POOL].lines["ads"]
    assert (line.jobs, line.held, line.p50, line.share) == (2, 2, None, 0)


def test_who_waits_for_its_own_limit_is_told_so():
    """However empty the pool is: the first of ads is held by its limit, and later by the full pool alone."""
    policy = a_policy(a_team("ads", limit=1), a_team("maps"), capacity=2)
    arrivals = [Arrival(0, "ads", 100), Arrival(50, "ads", 100), Arrival(50, "maps", 400), Arrival(60, "maps", 400)]
    shown = report("x", policy, replayed(policy, arrivals)).pools[POOL]
    assert (shown.lines["ads"].at_limit, shown.lines["maps"].at_limit) == (1.0, None)


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=12), st.integers(0, 80))
def test_the_time_at_the_limit_is_that_of_every_second(limit, spans, end):
    ran = [Ran(Job(Arrival(start, "ads", run), POOL), start) for start, run in spans]
    seconds = sum(sum(start <= second < start + run for start, run in spans) >= limit for second in range(end))
    assert Filled(limit, ran).between(0, end) == seconds
    assert Filled(None, ran).between(0, end) == 0


def test_reports_stand_side_by_side():
    policy = a_policy(a_team("ads"), a_team("maps"), capacity=1)
    arrivals = [*[Arrival(0, "ads", 3600) for _ in range(20)], Arrival(60, "maps", 3600)]
    text = text_of(reports(policy, arrivals))
    assert "fair share: capacity 1, 100% of it used" in text
    (row,) = [line for line in text.splitlines() if line.startswith("  maps ") and "|" in line]
    assert [" ".join(part.split()) for part in row.split("|")] == [
        "maps 1",
        "50.0% 0.0% 2h 2h 2h -",
        "50.0% 0.0% 20h 20h 20h -",
    ]


def test_the_picture_is_svg_with_every_team_and_name_escaped():
    policy = a_policy(a_team("ads"), a_team("maps"), capacity=2)
    mix = Mix(days=1, per_hour={"ads": 20, "maps": 2}, runs={720: 9, 14400: 1})
    shown = reports(policy, generate(policy, mix))
    shown[0] = report("a<b & c", policy, replayed(policy, generate(policy, mix)))
    texts = {text.text for text in ET.fromstring(picture_of(shown)).iter(f"{SVG}text")}
    assert {"ads", "maps", "a<b & c", "first come"} <= texts


def test_a_picture_of_what_never_waits_and_never_runs_is_drawn_too():
    for capacity in (0, 9):
        policy = a_policy(a_team("ads"), capacity=capacity)
        ET.fromstring(picture_of(reports(policy, [Arrival(0, "ads", 0)])))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0s"), (59, "59s"), (90, "1.5m"), (720, "12m"), (7200, "2h"), (9 * DAY, "9d")],
)
def test_waits_are_short_to_read(seconds, text):
    assert wait_text(seconds) == text


def test_the_same_seed_makes_the_same_trace_and_each_team_s_stream_is_its_own():
    policy = a_policy(a_team("ads"), a_team("maps"))
    few = generate(policy, Mix(days=2, per_hour={"ads": 5}, runs={600: 1}))
    both = generate(policy, Mix(days=2, per_hour={"ads": 5, "maps": 9}, runs={600: 1}))
    assert few == [each for each in both if each.team == "ads"]
    assert few != generate(policy, Mix(days=2, per_hour={"ads": 5}, runs={600: 1}, seed=2))
    assert len(few) == pytest.approx(240, rel=0.2)
    assert sum(each.run for each in few) / len(few) == pytest.approx(600, rel=0.2)
