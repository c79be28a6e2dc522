"""Resume tokens: read back as written, by the same team alone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Reason
from gateway.service.resume_tokens import ResumePoint, read_resume_token, write_resume_token

TEAMS = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
REVISIONS = st.integers(0, 2**63 - 1)
STORE = "0123456789abcdef0123456789abcdef"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def reason_of(team: str, token: str) -> str:
    """The reason of the violation by which it is refused."""
    with pytest.raises(GatewayError) as refused:
        read_resume_token(team, token)
    assert refused.value.reason is Reason.INVALID_SPEC
    (detail,) = refused.value.details
    assert detail.field == "resume_token"
    return detail.reason


@given(TEAMS, REVISIONS)
def test_a_token_is_read_back_as_it_was_written(team, revision):
    assert read_resume_token(team, write_resume_token(STORE, team, revision)) == ResumePoint(STORE, revision)


@given(TEAMS, TEAMS, REVISIONS)
def test_a_token_belongs_to_its_team(team, other, revision):
    if team != other:
        assert reason_of(other, write_resume_token(STORE, team, revision)) == "RESUME_TOKEN_TEAM"


GARBLED = [
    "x",
    "====",
    "é",
    "\0",
    "a" * 5000,
    encoded("1:0:0"),
    encoded("2:00:0123456789abcdef:1"),
    encoded("1:00:0123456789abcdef:-1"),
    encoded("1:00:0123456789abcdef:01"),
    encoded(f"1:00:0123456789abcdef:{2**63}"),
    encoded("1:00:0123456789abcdef:１"),
    encoded("1:00:0123456789abcdef:1\n"),
    encoded("1:" + "0" * 65 + ":0123456789abcdef:1"),
]


@pytest.mark.parametrize("token", GARBLED)
def test_a_garbled_token_is_refused_as_such(token):
    assert reason_of("ranking", token) == "RESUME_TOKEN_FORM"


@given(st.text(max_size=100))
def test_no_text_does_worse_than_be_refused(text):
    assert reason_of("ranking", text) == "RESUME_TOKEN_FORM"


@given(TEAMS, REVISIONS, st.data())
def test_a_token_that_lost_or_changed_a_character_never_goes_on_from_elsewhere(team, revision, data):
    """It would skip what lies between, in silence."""
    token = write_resume_token(STORE, team, revision)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189_-"))
    for garbled in (token[:place], token[:place] + other + token[place + 1 :], token[:place] + token[place + 1 :]):
        try:
            point = read_resume_token(team, garbled)
        except GatewayError:
            continue
        assert point == ResumePoint(STORE, revision)
