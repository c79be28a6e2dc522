"""Page tokens are plain cursors, bound to the list they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Reason
from gateway.service.page_tokens import MAX_ID, read_token, write_token

QUERIES = st.tuples(st.just("ListBatchJobs"), st.text(max_size=70))


@given(QUERIES, st.integers(1, MAX_ID))
def test_a_token_reads_back_in_its_own_list(query, last_id):
    assert read_token(query, write_token(query, last_id)) == last_id


@given(QUERIES, QUERIES, st.integers(1, MAX_ID))
def test_a_token_of_another_list_is_refused(query, other, last_id):
    if query == other:
        return
    with pytest.raises(GatewayError) as refused:
        read_token(other, write_token(query, last_id))
    assert refused.value.reason is Reason.INVALID_PAGE_TOKEN


@given(st.text(min_size=1))
def test_any_other_text_is_refused_and_never_breaks(text):
    with pytest.raises(GatewayError) as refused:
        read_token(("ListBatchJobs", "ranking"), text)
    assert refused.value.reason is Reason.INVALID_PAGE_TOKEN


def test_no_token_is_the_first_page():
    assert read_token(("ListBatchJobs", "ranking"), "") is None


@given(QUERIES, st.integers(1, MAX_ID), st.data())
def test_a_token_that_lost_or_changed_a_character_is_never_another_page(query, last_id, data):
    token = write_token(query, last_id)
    place = data.draw(st.integers(1, len(token) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189_-"))
    for garbled in (token[:place], token[:place] + other + token[place + 1 :]):
        try:
            assert read_token(query, garbled) == last_id
        except GatewayError as refused:
            assert refused.details  # noqa: PT017 - a token may also survive, where bits of its last character are unused
