"""What `gateway policy check` says, and how it ends."""

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from gateway.cli.policy import policy as policy_command
from gateway.policy.check import Report, check_policy
from gateway.policy.match import matches

SAMPLE = Path(__file__).parents[2] / "examples" / "policy.yaml"
QUIET = """
    pools: [{project: corp-ml, region: us-central1}]
    teams:
      ranking: &team
        members: {submitters: ["jwt:corp:ranking"]}
        pools: ["corp-ml/*"]
        models: ["gemini-2.5-*"]
        sources: ["gs://a/**"]
        destinations: ["gs://a-out/**"]
"""


def check(tmp_path: Path, text: str, team: str | None = None) -> Report:
    file = tmp_path / "policy.yaml"
    file.write_text(dedent(text))
    return check_policy(file, team)


def section(report: Report, title: str) -> list[str]:
    """The lines below a heading of the report."""
    blocks = [block.splitlines() for block in report.text.split("\n\n")]
    return next((block[1:] for block in blocks if block[0].startswith(title)), [])


def warned(tmp_path: Path, text: str, team: str | None = None) -> list[str]:
    return [line.strip(" -") for line in section(check(tmp_path, text, team), "Warnings")]


def test_the_sample_is_good_and_its_limits_and_routing_are_shown() -> None:
    report = check_policy(SAMPLE)
    assert report.status == 0
    assert report.text.startswith(f"{SAMPLE}: OK, policy ")
    limits = {line.split()[0]: line.split()[1:] for line in section(report, "Limits")}
    assert limits["team"][:3] == ["weight", "active_jobs", "queued_jobs"]
    assert limits["ranking"] == ["3", "3", "50", "60", "500", "(shadow)", "-", "30d", "-"]
    assert limits["search"] == ["1", "2", "50", "60", "-", "-", "30d", "1d"]
    assert [line.split() for line in section(report, "Routing")] == [
        ["team", "region", "pool", "capacity", "counts"],
        ["ranking", "us-central1", "corp-ml/us-central1", "4", "ours"],
        ["ranking", "europe-west4", "corp-ml/europe-west4", "2", "ours"],
        ["search", "us-central1", "corp-ml/us-central1", "4", "ours"],
        ["search", "europe-west4", "corp-ml/europe-west4", "2", "ours"],
        ["ads", "europe-west4", "corp-ml/europe-west4", "2", "ours"],
    ]


def test_with_a_team_only_that_team_is_shown(tmp_path: Path) -> None:
    report = check_policy(SAMPLE, "ads")
    assert report.status == 0
    assert [line.split()[0] for line in section(report, "Limits")] == ["team", "ads"]
    assert [line.split()[0] for line in section(report, "Routing")] == ["team", "ads"]
    assert "Team search" not in report.text
    text = QUIET + '      open: {sources: ["gs://**"]}\n      idle: {}\n'
    assert [line.split(":")[0] for line in warned(tmp_path, text)] == ["team open", "team idle", "team open"]
    assert [line.split(":")[0] for line in warned(tmp_path, text, "idle")] == ["team idle"]


def test_an_unknown_team_is_told_with_those_that_there_are() -> None:
    report = check_policy(SAMPLE, "finance")
    assert report.status == 1
    assert report.text.endswith("has no team 'finance'; its teams are ranking, search, ads\n")


def test_every_problem_is_shown_with_its_line_and_the_status_is_1(tmp_path: Path) -> None:
    report = check(tmp_path, QUIET.replace("gemini-2.5-*", "a b").replace("gs://a-out", "gs://a-*"))
    assert report.status == 1
    file = tmp_path / "policy.yaml"
    first, second, _, summary = report.text.splitlines()
    assert first.startswith(f"{file}:7: teams.ranking.models[0]: ")
    assert second.startswith(f"{file}:9: teams.ranking.destinations[0]: ")
    assert summary == f"{file}: refused, 2 problems"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    report = check_policy(tmp_path / "none.yaml")
    assert report.status == 1
    assert "none.yaml: cannot be read: No such file or directory" in report.text


def test_a_file_without_fault_or_oddity_has_no_warnings(tmp_path: Path) -> None:
    report = check(tmp_path, QUIET)
    assert report.status == 0
    assert "0 warnings" in report.text
    assert "Warnings" not in report.text


def test_a_paused_team_and_an_empty_file_can_be_shown(tmp_path: Path) -> None:
    assert section(check(tmp_path, QUIET + "        paused: true"), "Limits")[-1].endswith("paused")
    assert check(tmp_path, "pools: []\nteams: {}").status == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("pools: [{", "pools: [{project: other, region: us-central1}, {"),
            "pool other/us-central1: nobody can reach it, no team's pools take it in",
        ),
        (
            ("pools: [{", "pools: [{project: corp-ml-2, region: us-central1}, {", '"corp-ml/*"', '"corp-ml/*", "*/*"'),
            "pool corp-ml-2/us-central1: reached only by callers who name its project; other pools come first",
        ),
        (
            ("region: us-central1}", "region: us-central1, capacity: 0}"),
            "pool corp-ml/us-central1: capacity 0, it drains and starts nothing new",
        ),
        (
            ('"corp-ml/*"', '"corp-ml/*", "corp/*"'),
            "team ranking: the pool pattern corp/* takes in no pool",
        ),
        (
            ("teams:", 'defaults: {pools: ["corp/*"]}\n    teams:'),
            "defaults: the pool pattern corp/* takes in no pool",
        ),
        (
            ('["corp-ml/*"]', "[]", '["gs://a/**"]', "[]"),
            "team ranking: it can create nothing, as it has no pools, no sources",
        ),
        (
            ("teams:", "aliases: {old: gemini-1.5-pro}\n    teams:"),
            "alias old: nobody may use its model publishers/google/models/gemini-1.5-pro",
        ),
        (
            ("teams:", "aliases: {gemini-2.5-old: gemini-2.5-new}\n    teams:"),
            "alias gemini-2.5-old: it hides a model of that name, which ranking may use",
        ),
        (
            ("jwt:corp:ranking", "jwt:corp:**"),
            "team ranking: jwt:corp:** takes in everybody of that kind",
        ),
        (
            ("teams:", 'operators: ["mtls-dns:**"]\n    teams:'),
            "operators: mtls-dns:** takes in everybody of that kind",
        ),
        (
            ("gs://a/**", "gs://*/**"),
            "team ranking: gs://*/** takes in everything that the gateway's own credentials can read",
        ),
        (
            ("gs://a/**", "bq://*.*.*"),
            "team ranking: bq://*.*.* takes in everything that the gateway's own credentials can read",
        ),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(tmp_path: Path, change: tuple[str, ...], expected: str) -> None:
    text = QUIET
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    assert any(line.startswith(expected) for line in warned(tmp_path, text)), check(tmp_path, text).text
    assert not any(line.startswith(expected) for line in warned(tmp_path, QUIET))


@pytest.mark.parametrize(
    ("pattern", "expected", "also"),
    [
        ("gs://a**", "takes in other buckets too, such as gs://a-private/x,", "gs://a-private/x"),
        ("gs://a-**", "takes in other buckets too, such as gs://a-private/x,", "gs://a-private/x"),
        ("gs://a**/**", "takes in other buckets too, such as gs://a-private/x/,", "gs://a-private/x/"),
        ("gs://**-in/rows", "takes in other buckets too, such as gs://private/x-in/rows,", "gs://private/x-in/rows"),
        ("gs://a*/**", "takes in gs://a2/** and gs://a-private/** as well as gs://a/**", "gs://a-private/x"),
        ("gs://a-*b*/x", "takes in gs://a-*b2/x and gs://a-*b-private/x as well as gs://a-*b/x", "gs://a-b-private/x"),
        ("bq://a*.*.*", "takes in bq://a2.*.* and bq://a-private.*.* as well as bq://a.*.*", "bq://a-private.d.t"),
    ],
)
def test_a_source_that_takes_in_neighbours_is_warned_of(tmp_path: Path, pattern: str, expected: str, also: str) -> None:
    (warning,) = warned(tmp_path, QUIET.replace("gs://a/**", pattern))
    assert warning.startswith(f"team ranking: {pattern} {expected}")
    assert matches(pattern, also)


@pytest.mark.parametrize(
    "pattern",
    [
        *("gs://ranking-*/**", "gs://ranking_*/**", "gs://ranking.*/x", "gs://ranking/**", "gs://a/b*/**"),
        *("gs://a-*-in/**", "bq://corp-ranking.*.*", "bq://corp-*.*.*", "bq://corp-ranking.daily*.*"),
        "bq://corp.example:ranking.*.*",
    ],
)
def test_a_source_whose_stars_stand_behind_a_separator_is_not(tmp_path: Path, pattern: str) -> None:
    assert warned(tmp_path, QUIET.replace("gs://a/**", pattern)) == []


def test_teams_with_different_sources_in_one_project_are_warned_of(tmp_path: Path) -> None:
    two = QUIET + "      search: {<<: *team}".replace("{<<: *team}", "*team\n")
    assert warned(tmp_path, two) == []  # The same sources: one trust domain.
    apart = QUIET + '      search: {pools: ["corp-ml/*"], sources: ["gs://b/**"]}\n'
    (warning,) = [line for line in warned(tmp_path, apart) if line.startswith("project")]
    assert warning.startswith("project corp-ml: ranking and search share it and have different sources")
    assert warning in warned(tmp_path, apart, "search")


@pytest.mark.parametrize(("text", "status"), [(QUIET, 0), ("pools: []", 1)])
def test_the_command_prints_the_report_and_exits_with_its_status(tmp_path: Path, text: str, status: int) -> None:
    report = check(tmp_path, text)
    done = CliRunner().invoke(policy_command, ["check", str(tmp_path / "policy.yaml")])
    assert (done.exit_code, done.output) == (status, report.text)
    assert report.status == status


def test_the_command_takes_a_team() -> None:
    done = CliRunner().invoke(policy_command, ["check", str(SAMPLE), "--team", "ads"])
    assert (done.exit_code, done.output) == (0, check_policy(SAMPLE, "ads").text)
