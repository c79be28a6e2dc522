"""Which patterns, names and addresses the file may hold."""

import pytest

from policy.samples import POOLS, policy, problems, with_team


@pytest.mark.parametrize(
    "pattern",
    ["gs://a-out/**", "gs://a-out/", "gs://a-out/daily-*", "gs://a-out/mine", "bq://corp-a.out.*", "bq://corp-a.*.*",
     "bq://example.com:corp-a.out.*"],
)  # fmt: skip
def test_a_destination_that_spells_out_its_bucket_or_project_is_taken(pattern: str) -> None:
    assert policy(with_team(f'destinations: ["{pattern}"]')).teams["ranking"].destinations == (pattern,)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("gs://a-*/x", "is spelt out, without a star"),
        ("gs://**/x", "is spelt out, without a star"),
        ("gs://a**", "is spelt out, without a star"),
        ("bq://corp-*.out.x", "is spelt out, without a star"),
        ("bq://**", "is spelt out, without a star"),
        ("bq://*.com:corp.out.x", "is spelt out, without a star"),
        ("bq://corp.**", "has three parts"),
        ("bq://corp.out.**", "has three parts"),
        ("gs://a", "names a bucket and nothing in it"),
    ],
)
def test_a_destination_with_an_open_bucket_or_project_is_refused(pattern: str, reason: str) -> None:
    (problem,) = problems(with_team(f'destinations: ["{pattern}"]'))
    assert reason in problem


@pytest.mark.parametrize(
    "pattern", ["gs://a-*/**", "gs://**", "gs://a.b_c/x y.jsonl", "bq://corp.*.*", "bq://*.*.*", "bq://**"]
)  # fmt: skip
def test_a_source_may_hold_stars_everywhere(pattern: str) -> None:
    assert policy(with_team(f'sources: ["{pattern}"]')).teams["ranking"].sources == (pattern,)


@pytest.mark.parametrize("kind", ["sources", "destinations"])
@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "is empty"),
        ("a-bucket/x", "must begin with gs:// or bq://"),
        ("https://a/x", "must begin with gs:// or bq://"),
        ("gs:///x", "a bucket's name is"),
        ("gs://A/x", "a bucket's name is"),
        ("gs://a", "names a bucket and nothing in it"),
        ("gs://a/x?y", "? has no meaning here"),
        ("gs://a/x[1]", "[ has no meaning here"),
        ("gs://a/x#1", "# has no meaning here"),
        ("gs://a/***", "three or more"),
        ("gs://a/x ", "begins or ends with a space"),
        ("gs://a/\\0", "a character that cannot be seen"),
        ("gs://a/\\u200b", "a character that cannot be seen"),
        ("gs://a/" + "x" * 2000, "is longer than 2000 characters"),
        ("bq://a.b", "tables are named bq://project.dataset.table"),
        ("bq://a.b.c.d", "tables are named bq://project.dataset.table"),
        ("bq://a..c", "tables are named bq://project.dataset.table"),
        ("bq://a/b.c.d", "tables are named bq://project.dataset.table"),
        ("bq://corp.**", "has three parts"),
    ],
)
def test_a_pattern_that_is_no_uri_is_refused(kind: str, pattern: str, reason: str) -> None:
    (problem,) = problems(with_team(f'{kind}: ["{pattern}"]'))
    assert reason in problem


def test_a_source_whose_tables_could_be_another_projects_is_refused() -> None:
    (problem,) = problems(with_team('sources: ["bq://corp-*.**"]'))
    assert "has three parts" in problem


@pytest.mark.parametrize(
    "pattern",
    ["mtls:spiffe://corp.example/ns/a/sa/*", "mtls:urn:corp:a", "mtls-dns:*.a.corp.example", "jwt:corp:*",
     "jwt:cluster-a:system:serviceaccount:a:*", "dev:ranking", "dev:operator"],
)  # fmt: skip
def test_every_kind_of_principal_is_taken(pattern: str) -> None:
    assert policy(with_team(f'members: {{viewers: ["{pattern}"]}}')).teams["ranking"].viewers == (pattern,)


@pytest.mark.parametrize(
    "pattern",
    ["", "alice", "*", "**", "m*:x", "user:alice", "mtls:", "mtls:*", "mtls:corp.example", "mtls:spiffe://*/ns/a",
     "mtls:spiffe://corp.*/ns/a", "mtls:*://corp/ns/a", "mtls:spiffe:**", "mtls-dns:", "jwt:corp", "jwt:corp:",
     "jwt:*:alice", "jwt:c*:alice", "jwt::alice", "dev:", "JWT:corp:alice", "dev:a\\n"],
)  # fmt: skip
def test_a_principal_without_a_spelt_out_voucher_is_refused(pattern: str) -> None:
    """A star in the issuer or the trust domain would let anybody who vouches for anybody in."""
    assert len(problems(with_team(f'members: {{submitters: ["{pattern}"]}}'))) == 1
    assert len(problems(f'{POOLS}operators: ["{pattern}"]\nteams: {{}}')) == 1


@pytest.mark.parametrize(
    "pattern",
    ["", "a b", "models/x", "publishers/other/models/*", "publishers/google/models/", "publishers/google/models/a/b",
     "projects/p/locations/l/publishers/google/models/x", "projects/p/locations/l/models/a/b", "**/x", "gemini-***"],
)  # fmt: skip
def test_a_model_pattern_that_could_match_nothing_is_refused(pattern: str) -> None:
    assert len(problems(with_team(f'models: ["{pattern}"]'))) == 1


@pytest.mark.parametrize(
    "pattern", ["", "corp-ml", "corp-ml/", "/us-central1", "corp-ml/us/central1", "*", "corp ml/x "]
)
def test_a_pool_pattern_is_a_project_and_a_region(pattern: str) -> None:
    assert len(problems(with_team(f'pools: ["{pattern}"]'))) == 1


@pytest.mark.parametrize(
    ("pool", "path"),
    [
        ("{region: us-central1}", "project: is missing"),
        ("{project: corp-ml}", "region: is missing"),
        ("{project: Corp, region: us-central1}", "project: must be a Google Cloud project id"),
        ("{project: 123, region: us-central1}", "project: must be text, not 123"),
        ("{project: corp/ml, region: us-central1}", "project: must be a Google Cloud project id"),
        ("{project: corp-*, region: us-central1}", "project: must be a Google Cloud project id"),
        ("{project: corp-ml, region: US}", "region: must be a Vertex AI location"),
        ("{project: corp-ml, region: us, project_number: 0}", "project_number: must be a Google Cloud project's"),
        ("{project: corp-ml, region: us, project_number: 1.5}", "project_number: must be a Google Cloud project's"),
        ("{project: corp-ml, region: us, project_number: true}", "project_number: must be a Google Cloud project's"),
        ("{project: corp-ml, region: us, capacity: 1.5}", "capacity: must be a whole number, not 1.5"),
        ("{project: corp-ml, region: us, capacity: 100001}", "capacity: must be at most 100000"),
        ('{project: corp-ml, region: us, endpoint: "https://x"}', "endpoint: must be a host or host:port"),
        ('{project: corp-ml, region: us, endpoint: "x/y"}', "endpoint: must be a host or host:port"),
        ("{project: corp-ml, region: us, zone: a}", "zone: unknown key"),
    ],
)
def test_a_malformed_pool_is_refused(pool: str, path: str) -> None:
    (problem,) = problems(f"pools:\n  - {pool}\nteams: {{}}")
    assert problem.startswith(f"2: pools[0].{path}")


@pytest.mark.parametrize("endpoint", ["localhost:8080", "127.0.0.1:1", "[::1]:80", "aiplatform.us.rep.googleapis.com"])
def test_a_pool_may_name_its_endpoint(endpoint: str) -> None:
    (pool,) = policy(f'pools: [{{project: p, region: us, endpoint: "{endpoint}"}}]\nteams: {{}}').pools.values()
    assert pool.endpoint == endpoint


@pytest.mark.parametrize("model", ["gemini-*", "", "a b", "publishers/x/models/y", "models/1"])
def test_an_alias_stands_for_one_well_formed_model(model: str) -> None:
    (problem,) = problems(f'{POOLS}aliases: {{flash: "{model}"}}\nteams: {{}}')
    assert "aliases.flash: a model is a name such as" in problem
