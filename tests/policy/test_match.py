"""The globs of the policy, held to a slow matcher that spells the rule out."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.policy.match import MODEL_SEPARATORS, SEPARATORS, compile_glob, matches, matches_any


def slowly(pattern: str, text: str, separators: str = SEPARATORS) -> bool:
    """The rule itself, by trying every length that a star may take."""
    if not pattern:
        return not text
    if pattern.startswith("*"):
        crossing = pattern.startswith("**")
        rest = pattern[2 if crossing else 1 :]
        lengths = [n for n in range(len(text) + 1) if crossing or not set(text[:n]) & set(separators)]
        return any(slowly(rest, text[n:], separators) for n in lengths)
    return text[:1] == pattern[0] and slowly(pattern[1:], text[1:], separators)


LETTERS = st.sampled_from("ab/.:%é")
PATTERNS = st.lists(st.sampled_from(["a", "b", "/", ".", ":", "%", "é", "*", "**"]), max_size=8).map("".join)
TEXTS = st.text(LETTERS, max_size=9)


@st.composite
def patterns_with_a_text(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern, and a text made from it by filling its stars: nearly always one that matches."""
    pattern = draw(PATTERNS.filter(lambda p: "***" not in p))
    text = "".join(draw(st.text(LETTERS, max_size=2)) if char == "*" else char for char in pattern)
    return pattern, text


@given(PATTERNS.filter(lambda p: "***" not in p), TEXTS)
@example("**", "")
@example("*", "")
@example("a*", "a/")
@example("*a*a", "aaa")
@example("**a", "a/a")
def test_it_agrees_with_the_rule_spelt_out(pattern: str, text: str) -> None:
    assert matches(pattern, text) == slowly(pattern, text)


@given(patterns_with_a_text())
def test_it_agrees_with_the_rule_on_texts_made_from_the_pattern(pair: tuple[str, str]) -> None:
    assert matches(*pair) == slowly(*pair)


@given(patterns_with_a_text())
def test_it_agrees_with_the_rule_where_a_dot_is_no_separator(pair: tuple[str, str]) -> None:
    assert matches(*pair, MODEL_SEPARATORS) == slowly(*pair, MODEL_SEPARATORS)


@given(TEXTS)
def test_a_pattern_without_stars_is_itself_alone(text: str) -> None:
    assert matches(text, text)
    assert not matches(text, text + "a")
    assert not matches(text + "a", text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("gs://ranking/**", "gs://ranking/x", True),
        ("gs://ranking/**", "gs://ranking-private/x", False),
        ("gs://ranking", "gs://ranking-private/x", False),
        ("gs://ranking-*/**", "gs://ranking-in/2026/01/x.jsonl", True),
        ("gs://ranking-*/**", "gs://ranking/x", False),
        ("gs://ranking-*/**", "gs://ranking-in", False),
        ("gs://ranking-*/x", "gs://ranking-in/evil/x", False),
        ("gs://ranking-*/**", "gs://ranking-a.b/x", False),
        ("gs://ranking-out/**", "gs://ranking-out/", True),
        ("gs://ranking-out/**", "gs://ranking-out", False),
        ("gs://ranking-in/*.jsonl", "gs://ranking-in/a.b.jsonl", False),
        ("gs://ranking/**", "gs://ranking%2Fx", False),
        ("gs://ranking/a%2Fb", "gs://ranking/a/b", False),
        ("gs://ranking/**", "GS://ranking/x", False),
        ("gs://ranking/**", "gs://ranking/../ads/x", True),  # Shape refuses such a URI; a match decodes nothing.
        ("bq://corp-ranking.*.*", "bq://corp-ranking.daily.rows", True),
        ("bq://corp-ranking.*.*", "bq://corp-ranking-2.daily.rows", False),
        ("bq://corp-ranking.*.*", "bq://corp-ranking.daily.rows.more", False),
        ("mtls:spiffe://corp.example/ns/ranking/sa/*", "mtls:spiffe://corp.example/ns/ranking/sa/batch", True),
        ("mtls:spiffe://corp.example/ns/ranking/sa/*", "mtls:spiffe://corp.example/ns/ranking/sa/a/b", False),
        ("jwt:corp:*", "jwt:corp:team:alice", False),
        ("corp-ml/*", "corp-ml/us-central1", True),
        ("corp-ml/*", "corp-ml-2/us-central1", False),
    ],
)
def test_what_patterns_take_in(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_many_stars_on_a_long_text_take_no_more_steps_than_it_has_characters() -> None:
    """A matcher that tries every split does not come back from this in a lifetime."""
    text = "gs://bucket/" + "a" * 2000
    assert not matches("gs://" + "*a" * 200 + "b", text)
    assert not matches("gs://" + "**a" * 200 + "b", text)
    assert matches("gs://bucket/" + "*aa**a" * 200, text)


def test_three_stars_are_refused() -> None:
    with pytest.raises(ValueError, match="three or more"):
        compile_glob("gs://a/***")


def test_any_of_several_patterns_is_enough() -> None:
    assert matches_any(["gs://a/**", "gs://b/**"], "gs://b/x")
    assert not matches_any([], "gs://b/x")
