"""Traces from files: what is taken, and what is refused with its line and field."""

import pytest

from gateway.simulation.reading import read_trace
from gateway.simulation.trace import Arrival, TraceError, bind
from simulation.replays import POOL, a_policy, a_team

HEADER = "time,team,duration,region,priority\n"


def read(tmp_path, text, name="trace.csv"):
    path = tmp_path / name
    path.write_text(text)
    return read_trace(path)


def refusal(tmp_path, text, name="trace.csv"):
    with pytest.raises(TraceError) as refused:
        read(tmp_path, text, name)
    return str(refused.value).removeprefix(f"{tmp_path}/")


def test_csv_has_seconds_or_times_and_durations_as_the_policy_writes_them(tmp_path):
    text = HEADER + "60,ads,12m,us-central1,90\n2026-03-01T12:00:00Z,maps,600,,\n"
    first, second = read(tmp_path, text)
    assert first == Arrival(60.0, "ads", 720.0, "us-central1", 90, line=2)
    assert second == Arrival(1772366400.0, "maps", 600.0, "", 50, line=3)


def test_json_lines_say_the_same(tmp_path):
    text = (
        '{"time": 60, "team": "ads", "duration": "12m", "priority": 0}\n\n{"time": "1", "team": "b", "duration": 2}\n'
    )
    assert read(tmp_path, text, "trace.jsonl") == [
        Arrival(60.0, "ads", 720.0, priority=0, line=1),
        Arrival(1.0, "b", 2.0, line=3),
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("soon,ads,1,,", "trace.csv:2: time: 'soon' is neither a number of seconds nor a time"),
        ("nan,ads,1,,", "trace.csv:2: time: 'nan' is not a number of seconds"),
        ("1,ads,long,,", "trace.csv:2: duration: 'long' is neither a number of seconds nor a duration"),
        ("1,ads,-1,,", "trace.csv:2: duration: '-1' is below zero"),
        ("1,,1,,", "trace.csv:2: team: is missing"),
        ("1,ads", "trace.csv:2: duration: is missing"),
        ("1,ads,1,,101", "trace.csv:2: priority: '101' is not a whole number from 0 to 100"),
        ("1,ads,1,,1.5", "trace.csv:2: priority: '1.5' is not a whole number"),
        ("1,ads,1,,1,more", "trace.csv:2: has more than the header's 5 values"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_its_field(tmp_path, row, told):
    assert refusal(tmp_path, f"{HEADER}{row}\n").startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "trace.jsonl:1: is not JSON"),
        ("[]", "trace.jsonl:1: is not a JSON object"),
        ('{"time": 1, "team": "a"}', "trace.jsonl:1: duration: is missing"),
        ('{"time": true, "team": "a", "duration": 1}', "trace.jsonl:1: time: True is neither"),
        ('{"time": 1, "team": 7, "duration": 1}', "trace.jsonl:1: team: 7 is not text"),
        ('{"time": 1, "team": "a", "duration": null}', "trace.jsonl:1: duration: None is neither"),
        ('{"time": 1, "team": "a", "duration": 1, "colour": 1}', "trace.jsonl:1: colour: is unknown"),
    ],
)
def test_so_is_a_json_line(tmp_path, text, told):
    assert refusal(tmp_path, text, "trace.jsonl").startswith(told)


def test_a_header_without_a_field_that_is_needed_is_refused(tmp_path):
    assert refusal(tmp_path, "time,team\n1,ads\n") == "trace.csv:1: duration: is missing"


def test_a_file_without_any_batch_job_or_that_is_no_text_is_refused(tmp_path):
    assert refusal(tmp_path, HEADER) == "trace.csv: holds no batch job"
    (tmp_path / "trace.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(TraceError, match="cannot be read: is not UTF-8 text"):
        read_trace(tmp_path / "trace.csv")
    with pytest.raises(TraceError, match="No such file"):
        read_trace(tmp_path / "other.csv")


def test_what_the_policy_cannot_place_is_named_by_its_line_too():
    policy = a_policy(a_team("ads"))
    jobs = bind(policy, [Arrival(2, "ads", 1), Arrival(1, "ads", 1, str(POOL))], "t.csv", "p.yaml")
    assert [(job.arrival.time, job.pool) for job in jobs] == [(1, POOL), (2, POOL)]
    with pytest.raises(TraceError, match=r"^t.csv:7: team: p.yaml has no team 'maps'$"):
        bind(policy, [Arrival(0, "maps", 1, line=7)], "t.csv", "p.yaml")
    with pytest.raises(TraceError, match=r"^t.csv:7: region: p.yaml gives team 'ads' no pool for 'mars'$"):
        bind(policy, [Arrival(0, "ads", 1, "mars", line=7)], "t.csv", "p.yaml")
