"""What a good file means: defaults merged in, patterns resolved to pools, one hash for one meaning."""

from datetime import timedelta

import pytest

from gateway.domain.batch_job import PoolId
from gateway.domain.places import RegionMatch
from gateway.policy.model import Counts, GlobalBigQuery, Mode, Quota, Quotas, TeamPolicy
from policy.samples import POOLS, policy, problems, with_team

US = PoolId("corp-ml", "us-central1")
EU = PoolId("corp-ml", "europe-west4")
TWO_NUMBERED = """\
pools:
  - {{project: a, region: us, project_number: 1}}
  - {{project: {}, region: eu, project_number: {}}}
teams: {{}}
"""


def test_the_example_of_the_reference_means_what_it_says() -> None:
    found = policy("""
        pools:
          - {project: corp-ml, project_number: 123456789012, region: us-central1, capacity: 8, counts: all}
          - {project: corp-ml, region: europe-west4, capacity: 8}
        aliases: {flash: gemini-2.5-flash}
        operators: ["jwt:corp:platform-oncall"]
        defaults: {gcs_region_match: contains, retention: 30d, models: ["gemini-*"],
                   quotas: {active_jobs: 2, queued_jobs: 50, creates_per_minute: 30}}
        teams:
          ranking:
            members:
              submitters: ["mtls:spiffe://corp.example/ns/ranking/sa/*"]
              viewers: ["jwt:corp:ranking-dashboards"]
            weight: 3
            pools: ["corp-ml/*"]
            sources: ["gs://ranking-*/**", "bq://corp-ranking.*.*"]
            destinations: ["gs://ranking-out/**", "bq://corp-ranking.predictions.*"]
            quotas: {active_jobs: 6, jobs_per_day: {limit: 500, mode: shadow}}
            paused: false
        """)
    assert list(found.pools) == [US, EU]
    assert found.pools[US].counts is Counts.ALL
    assert found.pools[EU].counts is Counts.OURS
    assert [pool.project_number for pool in found.pools.values()] == ["123456789012"] * 2
    assert found.aliases == {"flash": "gemini-2.5-flash"}
    assert found.operators == ("jwt:corp:platform-oncall",)
    assert found.teams["ranking"] == TeamPolicy(
        name="ranking",
        submitters=("mtls:spiffe://corp.example/ns/ranking/sa/*",),
        viewers=("jwt:corp:ranking-dashboards",),
        weight=3.0,
        pools=(US, EU),
        models=("gemini-*",),
        sources=("gs://ranking-*/**", "bq://corp-ranking.*.*"),
        destinations=("gs://ranking-out/**", "bq://corp-ranking.predictions.*"),
        quotas=Quotas(
            active_jobs=Quota(6),
            queued_jobs=Quota(50),
            creates_per_minute=Quota(30),
            jobs_per_day=Quota(500, Mode.SHADOW),
        ),
    )


def test_a_team_that_says_nothing_may_do_nothing_and_has_the_documented_defaults() -> None:
    team = policy(POOLS + "teams: {ads: {}}").teams["ads"]
    assert team == TeamPolicy(name="ads")
    assert (team.weight, team.retention, team.max_queue_duration) == (1.0, timedelta(days=30), None)
    assert team.gcs_region_match is RegionMatch.CONTAINS
    assert team.global_bigquery is GlobalBigQuery.REFUSE
    assert not team.paused


def test_maps_merge_over_the_defaults_and_lists_replace() -> None:
    team = policy(
        with_team(
            'members: {submitters: ["dev:ranking"]}\nmodels: [a]\nquotas: {queued_jobs: 7}\nmax_queue_duration: 90m',
            extra="""
            defaults:
              members: {viewers: ["dev:all"]}
              models: [b, c]
              sources: ["gs://shared/**"]
              weight: 2
              paused: true
              retention: 24h
              quotas: {active_jobs: 1, queued_jobs: 2}
            """,
        ),
    ).teams["ranking"]
    assert (team.submitters, team.viewers) == (("dev:ranking",), ("dev:all",))
    assert (team.models, team.sources) == (("a",), ("gs://shared/**",))
    assert (team.weight, team.paused) == (2.0, True)
    assert (team.retention, team.max_queue_duration) == (timedelta(hours=24), timedelta(minutes=90))
    assert team.quotas == Quotas(active_jobs=Quota(1), queued_jobs=Quota(7))


def test_a_team_may_say_the_documented_default_against_another_default() -> None:
    extra = "defaults: {paused: true, models: [a], global_bigquery: allow}"
    team = policy(with_team("paused: false\nmodels: []\nglobal_bigquery: refuse", extra=extra)).teams["ranking"]
    assert (team.paused, team.models, team.global_bigquery) == (False, (), GlobalBigQuery.REFUSE)


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [
        ("5", None, Quota(5)),
        ("5", "7", Quota(7)),
        ("5", "{limit: 7}", Quota(7)),
        ("5", "{mode: shadow}", Quota(5, Mode.SHADOW)),
        ("{limit: 5, mode: shadow}", None, Quota(5, Mode.SHADOW)),
        ("{limit: 5, mode: shadow}", "{limit: 7}", Quota(7, Mode.SHADOW)),
        ("{limit: 5, mode: shadow}", "7", Quota(7)),
        ("{limit: 5, mode: shadow}", "{mode: enforce}", Quota(5)),
        ("{mode: shadow}", "{limit: 7}", Quota(7, Mode.SHADOW)),
        ("0", None, Quota(0)),
    ],
)
def test_how_a_quota_merges(default: str, own: str | None, expected: Quota) -> None:
    settings = "weight: 1" if own is None else f"quotas: {{active_jobs: {own}}}"
    found = policy(with_team(settings, extra=f"defaults: {{quotas: {{active_jobs: {default}}}}}"))
    assert found.teams["ranking"].quotas.active_jobs == expected


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ('["corp-ml/*"]', (US, EU)),
        ('["corp-ml/europe-*", "corp-ml/*"]', (EU, US)),
        ('["corp-ml/europe-west4", "corp-ml/us-central1"]', (EU, US)),
        ('["*/us-*"]', (US,)),
        ('["**"]', (US, EU)),
        ('["other/*"]', ()),
        ("[]", ()),
    ],
)
def test_pools_are_taken_in_the_order_of_the_team_then_of_the_file(patterns: str, expected: tuple[PoolId, ...]) -> None:
    assert policy(with_team(f"pools: {patterns}")).teams["ranking"].pools == expected


def test_the_first_pool_of_a_region_is_the_teams_unless_the_project_is_named() -> None:
    team = policy("""
        pools: [{project: one, region: us}, {project: two, region: us}, {project: two, region: eu}]
        teams: {ads: {pools: ["two/*", "one/*"]}}
        """).teams["ads"]
    assert team.regions == ("us", "eu")
    assert team.pool_for("us") == PoolId("two", "us")
    assert team.pool_for("us", "one") == PoolId("one", "us")
    assert team.pool_for("eu", "one") is None
    assert team.pool_for("asia") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "pools: [{project: a, region: us}, {project: a, region: us}]\nteams: {}",
            "1: pools[1]: a/us is given twice: it is pools[0] already",
        ),
        (
            TWO_NUMBERED.format("a", 2),
            "3: pools[1].project_number: a has the number 1 elsewhere in this file",
        ),
        (
            TWO_NUMBERED.format("b", 1),
            "3: pools[1].project_number: 1 is the number of a elsewhere in this file",
        ),
        (POOLS + "aliases: {a: a}\nteams: {}", "4: aliases.a: is an alias of itself"),
        (
            POOLS + "aliases: {a: publishers/google/models/a}\nteams: {}",
            "4: aliases.a: is an alias of itself",
        ),
        (
            POOLS + "aliases: {a: b, b: c}\nteams: {}",
            "4: aliases.a: b is itself an alias: name the model that is meant",
        ),
        (
            with_team('pools: ["corp-ml/*", corp-ml/asia-east1]'),
            "7: teams.ranking.pools[1]: corp-ml/asia-east1 is no pool of this file",
        ),
        (
            POOLS + "defaults: {pools: [corp/us]}\nteams: {}",
            "4: defaults.pools[0]: corp/us is no pool of this file",
        ),
        (
            with_team("quotas: {jobs_per_day: {mode: shadow}}"),
            "7: teams.ranking.quotas.jobs_per_day.limit: is missing: neither ranking nor defaults gives one",
        ),
        (
            with_team("weight: 1", extra="defaults: {quotas: {jobs_per_day: {mode: shadow}}}"),
            "4: defaults.quotas.jobs_per_day.limit: is missing: neither ranking nor defaults gives one",
        ),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_two_aliases_in_a_circle_are_refused_both() -> None:
    assert len(problems(POOLS + "aliases: {a: b, b: a}\nteams: {}")) == 2


def test_a_broken_section_does_not_make_others_wrong() -> None:
    """The team names a pool and a default that are there, only misspelt: each mistake is told once."""
    assert problems(
        with_team("pools: [corp-ml/asia-east1]\nquotas: {jobs_per_day: {mode: shadow}}").replace(
            "teams:", "  - {project: corp-ml, region: asia-east1, capacity: x}\n"
            "defaults: {quotas: {jobs_per_day: {limit: y}}}\nteams:",
        ),
    ) == [
        '5: pools[2].capacity: must be a whole number, not "x"',
        '6: defaults.quotas.jobs_per_day.limit: must be a whole number, not "y"',
    ]  # fmt: skip


def test_the_hash_is_of_the_meaning_and_not_of_the_writing() -> None:
    one = policy(with_team("weight: 2\nmodels: [a]"))
    same = policy("# A comment.\n" + with_team("models: &m ['a']\nweight: 2.0\npaused: false"))
    other = policy(with_team("weight: 3\nmodels: [a]"))
    assert one.hash == same.hash
    assert one.hash != other.hash
    assert len(one.hash) == 16
    assert int(one.hash, 16) >= 0


@pytest.mark.parametrize(
    "change",
    ["weight: 2", "models: [b]", "sources: []", "quotas: {active_jobs: 1}", "retention: 1d", "paused: true",
     "max_queue_duration: 1h", "pools: []", "members: {viewers: ['dev:a']}", "gcs_region_match: off",
     "global_bigquery: allow", "destinations: ['gs://a/b']", "quotas: {active_jobs: {limit: 2, mode: shadow}}"],
)  # fmt: skip
def test_every_setting_is_part_of_the_hash(change: str) -> None:
    extra = "defaults: {models: [a], sources: ['gs://a/**'], pools: ['**'], quotas: {active_jobs: 2}}"
    assert policy(with_team(change, extra=extra)).hash != policy(with_team("weight: 1", extra=extra)).hash


def test_a_pools_order_and_every_setting_of_the_file_are_part_of_the_hash() -> None:
    texts = [
        "pools: [{project: a, region: us}, {project: a, region: eu}]\nteams: {}",
        "pools: [{project: a, region: eu}, {project: a, region: us}]\nteams: {}",
        "pools: [{project: a, region: us, capacity: 1}, {project: a, region: eu}]\nteams: {}",
        "pools: [{project: a, region: us, endpoint: x}, {project: a, region: eu}]\nteams: {}",
        "pools: [{project: a, region: us, counts: all}, {project: a, region: eu}]\nteams: {}",
        "pools: [{project: a, region: us}, {project: a, region: eu}]\nteams: {b: {}}",
        "pools: [{project: a, region: us}, {project: a, region: eu}]\nteams: {}\noperators: ['dev:a']",
        "pools: [{project: a, region: us}, {project: a, region: eu}]\nteams: {}\naliases: {a: b}",
    ]
    assert len({policy(text).hash for text in texts}) == len(texts)
