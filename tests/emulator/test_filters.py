"""The list filter: its documented grammar, its refusals, and what it lets through."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertex_emulator.filter_tokens import FilterError
from vertex_emulator.filters import And, Compare, Expression, Filterable, HasLabel, Not, Or, parse_filter
from vertex_emulator.states import WIRE_NAMES

JOB = Filterable(
    display_name="my_job_7",
    model_display_name="gemini-2.5-flash",
    state="JOB_STATE_RUNNING",
    create_time=datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC),
    labels={"team": "ranking", "batchjobs_id": "42", "empty": "", "with-dash": "x", "équipe": "日本"},
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        'display_name="my_job_7"',
        "display_name=my_job_7",
        "display_name='my_job_7'",
        'display_name != "other"',
        'display_name:"my_job_*"',
        "display_name:*job*",
        "display_name:my*_*7",
        "display_name:*",
        'model_display_name="gemini-2.5-flash"',
        "model_display_name!=x",
        'state="JOB_STATE_RUNNING"',
        "state=JOB_STATE_RUNNING",
        'state!="JOB_STATE_FAILED"',
        'create_time>"2026-01-01T00:00:00Z"',
        "create_time>2026-01-01T00:00:00Z",
        "create_time>=2026-01-02T03:04:05.6Z",
        "create_time<=2026-01-02T03:04:05.600000Z",
        "create_time=2026-01-02T04:04:05.6+01:00",
        "create_time!=2026-01-02T03:04:05Z",
        "create_time<2026-01-02T03:04:06Z",
        "labels.team=ranking",
        'labels.team="ranking"',
        'labels."team"="ranking"',
        "labels.team:*",
        "labels.empty:*",
        'labels.empty=""',
        "labels.batchjobs_id=42",
        "labels.with-dash=x",
        "labels.équipe=日本",
        "NOT state=JOB_STATE_FAILED",
        "NOT NOT labels.team:*",
        "NOT (labels.team=other OR labels.none:*)",
        "labels.team=ranking AND state=JOB_STATE_RUNNING",
        "(labels.team=ranking)AND(state=JOB_STATE_RUNNING)",
        "state!=JOB_STATE_FAILED OR display_name=no",
        'state="JOB_STATE_RUNNING" AND display_name:"my_job_*"',
        "((((labels.team=ranking))))",
        "labels.team\n=\tranking",
    ],
)
def test_a_filter_that_fits_lets_the_job_through(text: str) -> None:
    assert parse_filter(text).matches(JOB)


@pytest.mark.parametrize(
    "text",
    [
        "display_name=MY_JOB_7",
        "display_name=my_job_*",
        "display_name:my_job",
        "display_name:my_job_7*7",
        "display_name:*job",
        "NOT display_name=my_job_7",
        "state=JOB_STATE_FAILED",
        "create_time<2026-01-01T00:00:00Z",
        "create_time>2026-01-02T03:04:05.6Z",
        "labels.team=other",
        "labels.other:*",
        "labels.empty=x",
        "labels.team=ranking AND state=JOB_STATE_FAILED",
        "display_name=no OR state=JOB_STATE_FAILED",
        "NOT (labels.team=ranking)",
    ],
)
def test_a_filter_that_does_not_fit_holds_the_job_back(text: str) -> None:
    assert not parse_filter(text).matches(JOB)


def test_or_binds_more_tightly_than_and() -> None:
    fits, not_ = "labels.team:*", "labels.none:*"
    assert not parse_filter(f"{not_} AND {fits} OR {fits}").matches(JOB)
    assert parse_filter(f"({not_} AND {fits}) OR {fits}").matches(JOB)


@pytest.mark.parametrize(
    "text",
    [
        "display_name",
        "display_name=",
        "=x",
        "x",
        "foo=bar",
        "update_time>2026-01-01T00:00:00Z",
        "name=x",
        "display_name>x",
        "display_name<=x",
        "model_display_name:x*",
        "state>JOB_STATE_RUNNING",
        "state:JOB_STATE_*",
        "state=RUNNING",
        "state=JOB_STATE_NONSENSE",
        "create_time:x",
        "create_time>yesterday",
        "create_time>2026-01-01",
        "create_time>2026-13-01T00:00:00Z",
        "create_time>2026-01-01T00:00:00",
        "labels",
        "labels=x",
        "labels:team",
        "labels.team",
        "labels.team!=x",
        "labels.team:x",
        'labels.team:"*"',
        "labels.=x",
        "labels.a.b=x",
        "display_name=a display_name=b",
        "display_name=a and display_name=b",
        "display_name=a AND",
        "AND display_name=a",
        "display_name=a OR OR display_name=b",
        "NOT",
        "-display_name=a",
        "(display_name=a",
        "display_name=a)",
        "()",
        'display_name="a',
        'display_name="a\\"',
        "display_name==a",
        "(" * 60 + "display_name=a" + ")" * 60,
        "NOT " * 60 + "display_name=a",
        "display_name=" + "a" * 20_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


fields = st.sampled_from(["display_name", "model_display_name"])
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
labels = st.sampled_from(["team", "batchjobs_id", "none", "équipe"])
comparisons = st.one_of(
    st.builds(Compare, fields, st.sampled_from(["=", "!="]), words),
    st.builds(Compare, st.just("display_name"), st.just(":"), words),
    st.builds(Compare, st.just("state"), st.sampled_from(["=", "!="]), st.sampled_from(sorted(WIRE_NAMES))),
    st.builds(HasLabel, labels, st.none() | words),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(expression: Expression) -> str:
    match expression:
        case Compare(field, comparator, value):
            return f"{field}{comparator}{quoted(value)}"
        case HasLabel(key, None):
            return f"labels.{key}:*"
        case HasLabel(key, value):
            return f"labels.{quoted(key)}={quoted(str(value))}"
        case Not(part):
            return f"NOT ({written(part)})"
        case And(parts):
            return " AND ".join(f"({written(part)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({written(part)})" for part in parts)


@given(expressions)
def test_what_is_written_is_what_is_read(expression: Expression) -> None:
    assert parse_filter(written(expression)) == expression


@given(expressions)
def test_not_turns_a_filter_round(expression: Expression) -> None:
    assert parse_filter(f"NOT ({written(expression)})").matches(JOB) != expression.matches(JOB)


pieces = st.lists(
    st.sampled_from(
        [
            "display_name",
            "state",
            "labels",
            ".",
            "=",
            "!=",
            ":",
            "*",
            "<",
            "(",
            ")",
            "AND",
            "OR",
            "NOT",
            '"',
            "'",
            "\\",
            "x",
        ]
    )
    | st.text(max_size=3)
)


@given(pieces.map(" ".join) | pieces.map("".join) | st.text())
def test_no_text_is_anything_but_a_filter_or_a_filter_error(text: str) -> None:
    try:
        expression = parse_filter(text)
    except FilterError:
        return
    assert expression.matches(JOB) in {True, False}


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_a_star_stands_for_anything(pattern: str, name: str) -> None:
    """Held against the slow and obvious way to say it."""

    def fits(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(fits(pattern[1:], name[at:]) for at in range(len(name) + 1))
        return bool(name) and name[0] == pattern[0] and fits(pattern[1:], name[1:])

    job = Filterable(name, "", "JOB_STATE_RUNNING", JOB.create_time)
    assert parse_filter(f'display_name:"{pattern}"').matches(job) == fits(pattern, name)
