"""Filters of a list: what is read, and what is refused by which name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.filter_parser import MAX_CHARACTERS, MAX_TERMS, parse_filter
from gateway.domain.filters import (
    FilterError,
    FilterReason,
    LabelTerm,
    ModelTerm,
    Operator,
    RegionTerm,
    StateTerm,
    TimeTerm,
)
from gateway.domain.states import State

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

READ = {
    "state = RUNNING": StateTerm(State.RUNNING, equal=True),
    "state!=CANCELLING": StateTerm(State.CANCELLING, equal=False),
    "model = flash": ModelTerm("flash", equal=True),
    'model != "projects/p:q/locations/l/models/7"': ModelTerm("projects/p:q/locations/l/models/7", equal=False),
    "model = projects/p:q/locations/l/models/7": ModelTerm("projects/p:q/locations/l/models/7", equal=True),
    "region='us-central1'": RegionTerm("us-central1", equal=True),
    "labels.run = nightly": LabelTerm("run", "nightly", equal=True),
    "labels.run-2 != ''": LabelTerm("run-2", "", equal=False),
    "labels.größe:*": LabelTerm("größe", None, equal=True),
    "labels.run : *": LabelTerm("run", None, equal=True),
    'labels.run = "AND"': LabelTerm("run", "AND", equal=True),
    'create_time >= "2026-01-01T00:00:00Z"': TimeTerm(Operator.AT_LEAST, NEW_YEAR),
    'create_time<"2026-01-01T01:00:00.000000000+01:00"': TimeTerm(Operator.LESS, NEW_YEAR),
    "create_time = '2026-01-01t00:00:00.25z'": TimeTerm(Operator.EQUAL, NEW_YEAR.replace(microsecond=250_000)),
}

REFUSED = {
    "state = RUNNING OR state = PENDING": FilterReason.FILTER_OR,
    "NOT state = RUNNING": FilterReason.FILTER_NOT,
    "-state = RUNNING": FilterReason.FILTER_NOT,
    "(state = RUNNING)": FilterReason.FILTER_BRACKETS,
    "NOT (state = RUNNING)": FilterReason.FILTER_BRACKETS,
    "state = (RUNNING OR PENDING)": FilterReason.FILTER_BRACKETS,
    "has(labels)": FilterReason.FILTER_FUNCTION,
    "create_time > now()": FilterReason.FILTER_FUNCTION,
    "RUNNING": FilterReason.FILTER_SYNTAX,
    "state": FilterReason.FILTER_SYNTAX,
    "state =": FilterReason.FILTER_SYNTAX,
    "= RUNNING": FilterReason.FILTER_SYNTAX,
    "state = = RUNNING": FilterReason.FILTER_SYNTAX,
    "state == RUNNING": FilterReason.FILTER_SYNTAX,
    "state = RUNNING model = flash": FilterReason.FILTER_SYNTAX,
    "state = RUNNING and model = flash": FilterReason.FILTER_SYNTAX,
    "state = RUNNING, model = flash": FilterReason.FILTER_SYNTAX,
    "AND": FilterReason.FILTER_SYNTAX,
    "state = RUNNING AND": FilterReason.FILTER_SYNTAX,
    '"state" = RUNNING': FilterReason.FILTER_SYNTAX,
    'model = "flash': FilterReason.FILTER_SYNTAX,
    "model = fl\\ash": FilterReason.FILTER_SYNTAX,
    'model = "fl\0ash"': FilterReason.FILTER_SYNTAX,
    "model = fl\0ash": FilterReason.FILTER_SYNTAX,
    "colour = red": FilterReason.FILTER_FIELD,
    "State = RUNNING": FilterReason.FILTER_FIELD,
    "display_name = x": FilterReason.FILTER_FIELD,
    "rows.failed > 0": FilterReason.FILTER_FIELD,
    "labels:run": FilterReason.FILTER_FIELD,
    "labels. = x": FilterReason.FILTER_FIELD,
    "labels.a.b = x": FilterReason.FILTER_FIELD,
    "labels.run:nightly": FilterReason.FILTER_OPERATOR,
    'labels.run:"*"': FilterReason.FILTER_OPERATOR,
    "labels.run > nightly": FilterReason.FILTER_OPERATOR,
    "state > RUNNING": FilterReason.FILTER_OPERATOR,
    "state:RUNNING": FilterReason.FILTER_OPERATOR,
    "model <= flash": FilterReason.FILTER_OPERATOR,
    'create_time:"2026-01-01T00:00:00Z"': FilterReason.FILTER_OPERATOR,
    "model = gemini-*": FilterReason.FILTER_WILDCARD,
    'labels.run = "night*"': FilterReason.FILTER_WILDCARD,
    "state = *": FilterReason.FILTER_WILDCARD,
    "state = running": FilterReason.FILTER_VALUE,
    "state = STATE_UNSPECIFIED": FilterReason.FILTER_VALUE,
    "create_time > 2026-01-01T00:00:00Z": FilterReason.FILTER_VALUE,
    "create_time > yesterday": FilterReason.FILTER_VALUE,
    'create_time > "2026-01-01"': FilterReason.FILTER_VALUE,
    'create_time > "2026-01-01T00:00:00"': FilterReason.FILTER_VALUE,
    'create_time > "2026-02-30T00:00:00Z"': FilterReason.FILTER_VALUE,
    'create_time > "2026-01-01T00:00:00.0000001Z"': FilterReason.FILTER_VALUE,
    'create_time > "２０２６-01-01T00:00:00Z"': FilterReason.FILTER_VALUE,
    'create_time > "0001-01-01T00:00:00+01:00"': FilterReason.FILTER_VALUE,
    "x" * (MAX_CHARACTERS + 1): FilterReason.FILTER_TOO_LONG,
    " AND ".join(["state = RUNNING"] * (MAX_TERMS + 1)): FilterReason.FILTER_TOO_LONG,
}


def reasons(text: str) -> list[FilterReason]:
    with pytest.raises(FilterError) as refused:
        parse_filter(text)
    return [fault.reason for fault in refused.value.faults]


@pytest.mark.parametrize("text", READ)
def test_a_term_of_the_subset_is_read(text):
    assert parse_filter(text) == (READ[text],)


@pytest.mark.parametrize("text", ["", "  \t\n"])
def test_an_empty_filter_asks_nothing(text):
    assert parse_filter(text) == ()


def test_terms_are_joined_by_and():
    assert parse_filter("state = RUNNING AND labels.run:*  AND  region != x") == (
        StateTerm(State.RUNNING, equal=True),
        LabelTerm("run", None, equal=True),
        RegionTerm("x", equal=False),
    )


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_everything_else_is_refused_by_its_name(text):
    assert REFUSED[text] in reasons(text)


def test_every_term_that_is_refused_is_named():
    told = reasons("state = running AND model = flash AND size > 3 AND NOT region = x")
    assert told == [FilterReason.FILTER_VALUE, FilterReason.FILTER_FIELD, FilterReason.FILTER_NOT]


ALL_OF_ONE_TERM = {
    "state > running": {"FILTER_OPERATOR", "FILTER_VALUE"},
    "labels.run >= night*": {"FILTER_OPERATOR", "FILTER_WILDCARD"},
    "create_time : yesterday": {"FILTER_OPERATOR", "FILTER_VALUE"},
    "NOT (state = running OR size > 3)": {
        *("FILTER_BRACKETS", "FILTER_OR", "FILTER_NOT"),
        *("FILTER_VALUE", "FILTER_FIELD"),
    },
    "-colour = red": {"FILTER_NOT", "FILTER_FIELD"},
    "create_time > now() OR model < f*": {
        *("FILTER_FUNCTION", "FILTER_OR"),
        *("FILTER_OPERATOR", "FILTER_WILDCARD"),
    },
    "f(1) OR g(2) OR f(3)": {"FILTER_FUNCTION", "FILTER_OR"},
    "state = RUNNING AND model = fl\\ash AND size > 3": {"FILTER_SYNTAX", "FILTER_FIELD"},
}


@pytest.mark.parametrize("text", ALL_OF_ONE_TERM)
def test_all_that_is_wrong_with_a_term_is_told_in_one_answer(text):
    assert set(reasons(text)) == ALL_OF_ONE_TERM[text]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size > 3", ("“size > 3”", "“size”")),
        ("state > RUNNING", ("“state > RUNNING”", "“state”", "with = !=, not with >")),
        ("labels.run:nightly", ("“labels.run : nightly”", "as :*")),
        ("state = running", ("“state = running”", "“running”", "QUEUED")),
        ("model = f*", ("“model = f*”", "wildcards", "“f*”")),
        ("state = A OR state = B", ("“state = A OR state = B”", "OR")),
        ("NOT state = RUNNING", ("“NOT state = RUNNING”", "NOT", "!=")),
        ("(state = RUNNING)", ("“( state = RUNNING )”", "brackets")),
        ("create_time > now()", ("“create_time > now ( )”", "“now”")),
        ("state =", ("“state =”", "value")),
        ("model = fl\\ash", ("“model = fl \\ash”", "“\\ash”")),
    ],
)
def test_a_refusal_quotes_the_term_and_says_what_of_it_is_not_served(text, words):
    with pytest.raises(FilterError) as refused:
        parse_filter(text)
    told = refused.value.faults[0].sentence
    assert told.startswith(words[0])
    assert all(word in told for word in words)


@given(st.text(max_size=60) | st.text(alphabet="state=!<>:*()\"' ANDORlabels.\\\0", max_size=60))
def test_any_text_is_read_or_refused_and_what_is_refused_says_why(text):
    faults = ()
    try:
        parse_filter(text)
    except FilterError as error:
        faults = error.faults
    assert all(fault.sentence.isprintable() for fault in faults)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters='"\\*'), max_size=30))
def test_a_quoted_value_is_taken_as_it_stands(value):
    assert parse_filter(f'model = "{value}"') == (ModelTerm(value, equal=True),)
