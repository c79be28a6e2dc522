"""A file that is not exactly a policy is refused, with line, path and reason for everything that is wrong."""

from pathlib import Path

import pytest

from gateway.policy.load import MAX_BYTES, PolicyError, load_policy, parse_policy
from gateway.policy.model import RegionMatch
from policy.samples import POOLS, policy, problems, with_team


def test_every_problem_is_told_at_once_with_its_line_and_path() -> None:
    assert problems("""\
        pools:
          - {project: corp-ml, region: us-central1, capacity: -1}
          - {project: corp-ml, region: europe-west4, counts: al}
          - {project: corp-ml, region: asia-east1}
          - {project: corp-ml, region: asia-east1}
        aliases: {flash: flash, "a b": gemini}
        operator: []
        defaults: {retention: 3w, quotas: {active_jobs: -3}}
        teams:
          Bad Name: {}
          ranking:
            wieght: 1
            weight: 0
            sources: ["gs://ok/**", "s3://no/**"]
            quotas: {jobs_per_day: {mode: maybe}}
          ranking: {}
          ads: [1]
        """) == [
        "2: pools[0].capacity: must be at least 0, not -1",
        "3: pools[1].counts: must be 'ours' or 'all', not \"al\"",
        "5: pools[3]: corp-ml/asia-east1 is given twice: it is pools[2] already",
        "6: aliases.flash: is an alias of itself",
        '6: aliases["a b"]: an alias is 1 to 63 letters, digits, dots, - or _, and no path',
        "7: operator: unknown key; did you mean operators?",
        "8: defaults.quotas.active_jobs: must be at least 0, not -3",
        "8: defaults.retention: must be a whole number and a unit: 30d, 24h, 90m or 15s",
        "10: teams[\"Bad Name\"]: a team's name is a lower-case letter, then at most 62 of a-z, 0-9 and -",
        "12: teams.ranking.wieght: unknown key; did you mean weight?",
        "13: teams.ranking.weight: must be above 0, not 0",
        "14: teams.ranking.sources[1]: must begin with gs:// or bq://",
        "15: teams.ranking.quotas.jobs_per_day.mode: must be 'enforce' or 'shadow', not \"maybe\"",
        "16: teams.ranking: is given twice: first on line 11",
        "17: teams.ads: must be a map, not a list",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: is empty"),
        ("# only a comment\n", "1: is empty"),
        ("pools: [", "1: is not YAML: while parsing a flow node"),
        ("pools: []\n\tteams: {}", "2: is not YAML: while scanning for the next token"),
        ("pools: []\nteams: {}\n---\npools: []\n", "3: holds several documents: a policy is one"),
        ("- pools", "1: must be a map with the keys pools, aliases, operators, defaults, teams"),
        ("teams", "1: must be a map with the keys"),
        ("pools: []\nteams: {}\nteams: {}", "3: teams: is given twice: first on line 2"),
        ("pools: []", "1: teams: is missing"),
        ("teams: {}", "1: pools: is missing"),
        ("pools: []\nteams:\n", "2: teams: is empty: write a value, or take the key out"),
        ("pools: [~]\nteams: {}", "1: pools[0]: is empty: write a value, or take the key out"),
        ("pools: []\nteams: {}\n? [a]\n: 1", "3: has a key that is not a word"),
        ("pools: []\nteams: {a: {<<: {weight: 1}}}", '2: teams.a["<<"]: merge keys are not read here'),
        ("pools: []\nteams: !!python/object:os.system {}", "2: teams: carries the tag"),
        ("pools: []\noperators: [!secret x]\nteams: {}", "2: operators[0]: carries the tag"),
        ("pools: []\nteams: {a: {weight: !!int x}}", '2: teams.a.weight: "x" cannot be read as int'),
        ("pools: &p [*p]\nteams: {}", "1: pools[0]: contains itself"),
        ("pools: *nowhere\nteams: {}", "1: is not YAML: found undefined alias"),
        ("pools: []\nteams: {a: \x07}", "2: holds a character that YAML does not allow"),
        ("pools: " + "[" * 20 + "]" * 20, "1: is not YAML: nested too deeply"),
        (b"pools: []\nteams: {} # \xff", "2: is not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_is_no_policy_document_is_refused(text: str | bytes, expected: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("weight: 0", "must be above 0, not 0"),
        ("weight: -1", "must be above 0, not -1"),
        ("weight: 1001", "must be at most 1000, not 1001"),
        ("weight: 1e999", "must be a finite number"),
        ("weight: .inf", 'must be a number, not ".inf"'),
        ('weight: "3"', 'must be a number, not "3"'),
        ("weight: true", "must be a number, not true"),
        ("paused: yes", 'must be true or false, not "yes"'),
        ("paused: 1", "must be true or false, not 1"),
        ("sources: gs://a/**", 'must be a list, not "gs://a/**"'),
        ("sources: [1]", "must be text, not 1"),
        ("members: []", "must be a map, not a list"),
        ("members: {owners: []}", "unknown key; known here: submitters, viewers"),
        ("quotas: 3", "must be a map, not 3"),
        ("quotas: {active_jobs: -1}", "must be at least 0, not -1"),
        ("quotas: {active_jobs: 1.5}", "must be a whole number, or a map of limit and mode"),
        ("quotas: {active_jobs: true}", "must be a whole number, or a map of limit and mode"),
        ("quotas: {active_jobs: 1_000}", "must be a whole number, or a map of limit and mode"),
        ("quotas: {active_jobs: {limit: 1.5}}", "must be a whole number, not 1.5"),
        ("quotas: {active_jobs: 10000000000000000}", "must be at most 1000000000000000, not 10000000000000000"),
        ("quotas: {active_job: 1}", "unknown key; did you mean active_jobs?"),
        ("gcs_region_match: loose", "must be 'strict', 'contains' or 'off', not \"loose\""),
        ("global_bigquery: true", "must be 'refuse' or 'allow', not true"),
        ("retention: 30", "must be a whole number and a unit: 30d, 24h, 90m or 15s"),
        ("retention: 1d12h", "must be a whole number and a unit: 30d, 24h, 90m or 15s"),
        ("retention: 0d", "must be above zero and at most 3650d"),
        ("retention: 3651d", "must be above zero and at most 3650d"),
        ("retention: -1d", "must be a whole number and a unit: 30d, 24h, 90m or 15s"),
        ("max_queue_duration: 9999999999d", "must be above zero and at most 3650d"),
    ],
)
def test_a_value_of_the_wrong_kind_or_out_of_bounds_is_refused(setting: str, reason: str) -> None:
    (problem,) = problems(with_team(setting))
    assert problem.endswith(f": {reason}")
    assert problem.startswith(f"7: teams.ranking.{setting.partition(':')[0]}")


@pytest.mark.parametrize("word", ["off", "contains", "strict"])
def test_off_is_a_word_and_not_a_truth_value(word: str) -> None:
    assert policy(with_team(f"gcs_region_match: {word}")).teams["ranking"].gcs_region_match == RegionMatch(word)


@pytest.mark.parametrize("name", ["a", "ranking-2", "a" + "b" * 62])
def test_a_team_may_have_such_a_name(name: str) -> None:
    assert name in policy(with_team("weight: 1", name=name)).teams


@pytest.mark.parametrize("name", ["A", "2a", "-a", "a_b", "a.b", "a" + "b" * 63, "é", '"a\\0"', '""', '"a\\n"'])
def test_any_other_name_of_a_team_is_refused(name: str) -> None:
    assert "a team's name is a lower-case letter" in problems(with_team("weight: 1", name=name))[0]


@pytest.mark.parametrize("name", ["on", "null", "true"])
def test_a_key_is_a_word_whatever_else_yaml_may_make_of_it(name: str) -> None:
    assert name in policy(with_team("weight: 1", name=name)).teams


def test_anchors_are_fine_and_a_problem_in_one_is_told_where_it_stands() -> None:
    text = with_team("sources: &in ['gs://a/**']\ndestinations: *in")
    assert policy(text).teams["ranking"].destinations == ("gs://a/**",)
    assert problems(text.replace("gs://a", "gs://a-*")) == [
        "7: teams.ranking.destinations[0]: a destination's bucket or project is spelt out, without a star",
    ]


def test_a_chain_of_anchors_does_not_blow_up() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert "unknown key" in problems("\n".join([*lines, "pools: []", "teams: {b: {sources: *a11}}"]))[0]


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    gone = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError, match=r"policy\.yaml: cannot be read: No such file or directory"):
        load_policy(gone)
    with pytest.raises(PolicyError, match="is not a file"):
        load_policy(tmp_path)
    gone.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(PolicyError, match="is larger than"):
        load_policy(gone)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + POOLS.encode() + b"teams: {}\n")
    assert len(load_policy(file).pools) == 2


def test_problems_carry_the_name_of_the_file() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("pools: []", "etc/policy.yaml")
    assert str(caught.value) == "etc/policy.yaml:1: teams: is missing"
