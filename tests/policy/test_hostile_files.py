"""Whatever stands in the file: it is a policy, or a PolicyError says why not. Nothing else is ever raised."""

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.document import MembersSection, PolicyFile, PoolSection, QuotaSection, QuotasSection, TeamSection
from gateway.policy.load import PolicyError, parse_policy

SAMPLE = (Path(__file__).parents[2] / "examples" / "policy.yaml").read_text()
SECTIONS = (PolicyFile, PoolSection, TeamSection, MembersSection, QuotasSection, QuotaSection)
KEYS = st.sampled_from(sorted({key for section in SECTIONS for key in section.model_fields} | {"ranking", "Bad", ""}))
WORDS = st.sampled_from(
    [
        "gs://a/**",
        "bq://a.b.c",
        "corp-ml/us",
        "corp-ml",
        "us",
        "dev:a",
        "gemini-*",
        "30d",
        "shadow",
        "all",
        "",
        "\x00*",
    ],
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=4)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)
FILES = st.fixed_dictionaries({"pools": VALUES, "teams": VALUES}, optional={"defaults": VALUES, "aliases": VALUES})


def judged(content: bytes | str) -> str:
    """How the file was judged; anything but a PolicyError passes through and fails the test."""
    try:
        return parse_policy(content).hash
    except PolicyError as error:
        refusal = error
    assert refusal.problems
    assert all(problem.reason and problem.line >= 1 for problem in refusal.problems)
    assert len(str(refusal).splitlines()) == len(refusal.problems)
    return "refused"


@given(FILES | VALUES)
def test_any_document_is_judged(data: object) -> None:
    assert judged(yaml.safe_dump(data, allow_unicode=True))


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_judged(content: bytes | str) -> None:
    assert judged(content)


@given(
    st.integers(0, len(SAMPLE) - 1), st.integers(0, 6), st.text(st.sampled_from("{}[]:,&*!#|>'\"-? \n\tx0"), max_size=4)
)
def test_the_sample_with_any_piece_replaced_is_judged(start: int, length: int, piece: str) -> None:
    assert judged(SAMPLE[:start] + piece + SAMPLE[start + length :])


@given(st.integers(0, len(SAMPLE)))
def test_the_sample_cut_off_anywhere_is_judged(end: int) -> None:
    assert judged(SAMPLE[:end])


def test_numbers_of_any_length_are_judged() -> None:
    for number in ("9" * 30, "9" * 5000, "-" + "9" * 400, "1e400", "-0"):
        assert judged(f"pools: [{{project: a, region: us, capacity: {number}}}]\nteams: {{a: {{weight: {number}}}}}")
