"""The content hash: equal for a retry, different for anything else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.samples import POLICY
from gateway.admission.content import content_hash, spelled_otherwise
from gateway.domain.batch_job import BigQueryDestination, BigQuerySource, GcsDestination, GcsSource, PoolId, Spec
from gateway.policy.model import Pool

SPEC = Spec(
    model="flash",
    source=GcsSource("gs://in/a"),
    destination=GcsDestination("gs://out/b"),
    display_name="run",
    region="us-central1",
    priority=50,
    model_parameters={"a": 1.0, "b": {"x": [1.0, "1", True, None], "y": 2.5}},
    labels={"k": "v", "l": "w"},
    max_queue_duration=timedelta(hours=1),
)


def test_the_order_of_labels_and_parameters_does_not_count():
    turned = replace(
        SPEC,
        model_parameters={"b": {"y": 2.5, "x": [1.0, "1", True, None]}, "a": 1.0},
        labels={"l": "w", "k": "v"},
    )
    assert content_hash(turned) == content_hash(SPEC)


def test_a_whole_number_is_the_same_however_the_language_wrote_it():
    assert content_hash(replace(SPEC, model_parameters={"n": 1})) == content_hash(
        replace(SPEC, model_parameters={"n": 1.0})
    )


CHANGES = [
    {"model": "gemini-2.5-flash"},  # though the alias flash may stand for it
    {"source": GcsSource("gs://in/A")},
    {"source": BigQuerySource("gs://in/a")},
    {"destination": GcsDestination("gs://out/b/")},
    {"destination": BigQueryDestination("gs://out/b")},
    {"display_name": ""},
    {"region": ""},
    {"priority": None},  # though 50 is the default
    {"priority": 51},
    {"model_parameters": {}},
    {"model_parameters": {"a": "1"}},
    {"model_parameters": {"a": True}},
    {"model_parameters": {"a": 1.0}},
    {"model_parameters": {"a": None}},
    {"model_parameters": {"a": [1.0]}},
    {"labels": {}},
    {"labels": {"k": "v"}},
    {"labels": {"k": "w", "l": "v"}},
    {"max_queue_duration": None},
    {"max_queue_duration": timedelta(hours=1, microseconds=1)},
]


def test_every_field_counts_as_it_was_sent():
    hashes = [content_hash(spec) for spec in (SPEC, *(replace(SPEC, **change) for change in CHANGES))]
    assert len(set(hashes)) == len(hashes)


def test_the_hash_of_a_known_request_stays_what_it_is():
    """Stored hashes outlive a release: a change here would refuse retries of yesterday's creates."""
    plain = Spec("flash", GcsSource("gs://in/a"), GcsDestination("gs://out/b"))
    assert content_hash(plain) == PLAIN
    assert content_hash(SPEC) == FULL


PLAIN = "0d2f4202a97d73607637bc0992c91c8094d6fe6542333f205648ad3a1a8e7baf"
FULL = "f76cf90da6d7f17721aaf7bc78c18176ef0fb6a038ac26a08b48b0f42e267d68"


def test_a_projects_id_and_its_number_are_two_spellings_and_nothing_else_is():
    """In both directions, and never for an absent project, which leaves the choice to the policy."""
    numbers = {"corp-ml": "111", "other": "222", "unnumbered": ""}
    pools = (Pool(PoolId(project, "us-central1"), 1, project_number=number) for project, number in numbers.items())
    policy = replace(POLICY, pools={pool.id: pool for pool in pools})
    for sent, meant in (("corp-ml", "111"), ("111", "corp-ml"), ("unnumbered", None), ("333", None), ("", None)):
        expected = set() if meant is None else {content_hash(replace(SPEC, project=meant))}
        assert spelled_otherwise(policy, replace(SPEC, project=sent)) == expected


@pytest.mark.parametrize("text", ["", "\ud800", "ünï", "\u2028", '"}', "x" * 10_000])
def test_any_text_can_be_hashed(text):
    assert len(content_hash(replace(SPEC, display_name=text))) == 64


@given(st.dictionaries(st.text(), st.text(), max_size=5), st.dictionaries(st.text(), st.text(), max_size=5))
def test_labels_are_equal_in_the_hash_only_where_they_are_equal(one, other):
    hashes = [content_hash(replace(SPEC, labels=labels)) for labels in (one, other)]
    assert (hashes[0] == hashes[1]) is (one == other)
