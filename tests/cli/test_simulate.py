"""`gateway simulate` as a command."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from gateway.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICY, TRACE = str(EXAMPLES / "policy.yaml"), str(EXAMPLES / "trace.csv")


def run(*args):
    return CliRunner().invoke(main, ["simulate", *map(str, args)])


def test_the_example_trace_is_shown_beside_first_come_first_served(tmp_path):
    done = run(POLICY, TRACE, "--picture", tmp_path / "p.svg")
    assert done.exit_code == 0
    assert "fair share" in done.output
    assert "first come" in done.output
    assert {"ads", "ranking", "search"} <= set(done.output.split())
    ET.parse(tmp_path / "p.svg")


def test_the_picture_of_the_docs_is_what_the_command_makes(tmp_path):
    run(POLICY, TRACE, "--picture", tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text() == (EXAMPLES.parent / "docs" / "fairness.svg").read_text()


def test_two_policies_stand_side_by_side(tmp_path):
    other = tmp_path / "more-slots.yaml"
    other.write_text(Path(POLICY).read_text().replace("capacity: 4", "capacity: 9"))
    done = run(POLICY, "--against", other, "--days", 1, "--per-hour", 4)
    assert done.exit_code == 0
    assert "policy: capacity 4" in done.output
    assert "more-slots: capacity 9" in done.output


def test_a_made_up_trace_is_the_same_every_time():
    once = run(POLICY, "--days", 1, "--team-per-hour", "ads=30", "--run", "10m=1", "--seed", 7, "--teams", 2)
    assert once.exit_code == 0
    assert (
        once.output
        == run(POLICY, "--days", 1, "--team-per-hour", "ads=30", "--run", "10m=1", "--seed", 7, "--teams", 2).output
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("gone.yaml",), "gone.yaml"),
        ((POLICY, "gone.csv"), "gone.csv: cannot be read: No such file or directory"),
        ((POLICY, "--team-per-hour", "nobody=1"), "the policy has no team 'nobody'"),
        ((POLICY, "--team-per-hour", "ads"), "'ads' is not TEAM=NUMBER"),
        ((POLICY, "--team-per-hour", "ads=many"), "'ads=many' is not TEAM=NUMBER"),
        ((POLICY, "--run", "soon=1"), "'soon' is not a duration such as 12m"),
        ((POLICY, "--run", "12m=0"), "needs a duration above zero"),
        ((POLICY, "--per-hour", "0"), "holds no batch job"),
        ((POLICY, TRACE, "--picture", "/no/such/folder/p.svg"), "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_breaks(arguments, told):
    done = run(*arguments)
    assert done.exit_code in {1, 2}
    assert told in done.output
    assert not isinstance(done.exception, (ValueError, KeyError, OSError))
