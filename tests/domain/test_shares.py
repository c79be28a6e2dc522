"""The account of a team in a pool: charged at dispatch, settled at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.shares import FIRST_RUN, MEAN_STEP, Share, charge, charged, settle

SECONDS = st.floats(0, 1e6)
WEIGHTS = st.floats(0.1, 100)


def test_the_first_end_replaces_the_default_by_what_it_really_took():
    share = Share()
    amount = charge(share, 2)
    assert amount == FIRST_RUN / 2
    share = settle(charged(share, amount), charge=amount, used=90, weight=2)
    assert share.service == pytest.approx(45)
    assert share.mean_run == 90


def test_the_mean_follows_recent_run_times():
    share = Share(mean_run=100.0)
    assert settle(share, charge=0, used=200, weight=1).mean_run == pytest.approx(100 + MEAN_STEP * 100)


def test_what_came_back_to_the_queue_is_paid_but_does_not_count_as_a_run():
    share = charged(Share(0, 600.0), 600)
    share = settle(share, charge=600, used=4, weight=1, ran=False)
    assert share.service == pytest.approx(4)
    assert share.mean_run == 600


def test_a_time_below_zero_counts_as_zero():
    """Stored times come from one clock, yet a clock may be set back."""
    share = settle(charged(Share(50, 100.0), 100), charge=100, used=-3600, weight=1)
    assert share.service == pytest.approx(50)
    assert share.mean_run == pytest.approx(80)


def test_the_charge_is_taken_back_as_it_was_made_though_the_weight_changed_meanwhile():
    share = charged(Share(10, 100.0), charge(Share(10, 100.0), 4))
    assert settle(share, charge=25, used=100, weight=1).service == pytest.approx(110)


@given(SECONDS, SECONDS, SECONDS, WEIGHTS)
def test_service_never_falls_below_zero(service, amount, used, weight):
    assert settle(Share(service), charge=amount, used=used, weight=weight).service >= 0


@given(st.lists(st.tuples(SECONDS, WEIGHTS), max_size=20))
def test_once_all_have_ended_service_is_the_slot_time_used_by_weight(runs):
    share, open_charges = Share(), []
    for _, weight in runs:
        amount = charge(share, weight)
        share = charged(share, amount)
        open_charges.append(amount)
    for (used, weight), amount in zip(runs, open_charges, strict=True):
        share = settle(share, charge=amount, used=used, weight=weight)
    assert share.service == pytest.approx(sum(used / weight for used, weight in runs), rel=1e-6, abs=1e-3)
