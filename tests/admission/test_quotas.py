"""Quotas at create: pure decisions, at their bounds and over any sequence of creates."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.quotas import QUEUE_RETRY, decide, until_midnight
from gateway.errors import Reason
from gateway.policy.model import Mode, Quota, Quotas
from gateway.store.model import Usage

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
TODAY = NOON.date()


def quotas(mode=Mode.ENFORCE, **limits):
    return Quotas(**{name: Quota(limit, mode) for name, limit in limits.items()})


def judge(usage, now=NOON, source_bytes=0, **limits):
    return decide("ranking", quotas(**limits), usage, now, source_bytes)


def at_noon(**counts):
    return Usage(**{"bucket_time": NOON, "day": TODAY, **counts})


@pytest.mark.parametrize(
    ("quota", "usage", "source_bytes"),
    [
        ("queued_jobs", at_noon(queued_jobs=4), 0),
        ("creates_per_minute", at_noon(bucket_used=4.0), 0),
        ("jobs_per_day", at_noon(day_jobs=4), 0),
        ("input_bytes_per_day", at_noon(day_input_bytes=4), 1),
    ],
)
def test_a_quota_of_five_takes_the_fifth_and_refuses_the_sixth(quota, usage, source_bytes):
    fifth = judge(usage, source_bytes=source_bytes, **{quota: 5})
    assert fifth.refusal() is None
    sixth = judge(fifth.usage, source_bytes=source_bytes, **{quota: 5})
    refusal = sixth.refusal()
    assert refusal.reason is Reason.QUOTA_EXCEEDED
    (violation,) = refusal.details
    assert (violation.subject, violation.quota, violation.limit, violation.used) == ("teams/ranking", quota, 5, 5)
    assert refusal.retry_after > timedelta(0)


def test_without_quotas_everything_is_counted_and_nothing_refused():
    verdict = judge(Usage(queued_jobs=10**6, day=TODAY, day_jobs=10**6), source_bytes=7)
    assert verdict.exceeded == ()
    assert verdict.usage.queued_jobs == verdict.usage.day_jobs == 10**6 + 1
    assert verdict.usage.day_input_bytes == 7


def test_all_exceeded_quotas_are_told_at_once_with_the_longest_wait():
    usage = at_noon(queued_jobs=1, bucket_used=1.0, day_jobs=1, day_input_bytes=1)
    limits = {"queued_jobs": 1, "creates_per_minute": 1, "jobs_per_day": 1, "input_bytes_per_day": 1}
    refusal = judge(usage, source_bytes=1, **limits).refusal()
    assert {violation.quota for violation in refusal.details} == set(limits)
    assert refusal.retry_after == timedelta(hours=12)
    assert refusal.retry_pushback


def test_the_wait_for_a_token_is_until_the_next_one_is_back():
    refusal = judge(at_noon(bucket_used=30.0), creates_per_minute=30).refusal()
    assert refusal.retry_after == timedelta(seconds=2)
    later = judge(at_noon(bucket_used=30.0), NOON + refusal.retry_after, creates_per_minute=30)
    assert later.refusal() is None


def test_a_full_bucket_comes_back_in_a_minute_and_never_holds_more():
    used = at_noon(bucket_used=30.0)
    for waited, admitted in ((timedelta(minutes=1), 30), (timedelta(days=9), 30), (timedelta(seconds=30), 15)):
        usage, count = used, 0
        while (verdict := judge(usage, NOON + waited, creates_per_minute=30)).refusal() is None:
            usage, count = verdict.usage, count + 1
        assert count == admitted


def test_a_day_ends_at_midnight_in_utc_whatever_zone_the_time_is_given_in():
    before = datetime(2025, 6, 1, 23, 59, 30, tzinfo=UTC)
    usage = Usage(day=date(2025, 6, 1), day_jobs=5, day_input_bytes=100)
    refusal = judge(usage, before, jobs_per_day=5).refusal()
    assert refusal.retry_after == timedelta(seconds=30)
    after = (before + refusal.retry_after).astimezone(timezone(timedelta(hours=-8)))
    verdict = judge(usage, after, jobs_per_day=5)
    assert verdict.refusal() is None
    assert (verdict.usage.day, verdict.usage.day_jobs, verdict.usage.day_input_bytes) == (date(2025, 6, 2), 1, 0)


def test_a_full_queue_says_when_to_look_again():
    assert judge(at_noon(queued_jobs=5), queued_jobs=5).refusal().retry_after == QUEUE_RETRY


@pytest.mark.parametrize(
    ("limits", "source_bytes"),
    [
        ({"queued_jobs": 0}, 0),
        ({"creates_per_minute": 0}, 0),
        ({"jobs_per_day": 0}, 0),
        ({"input_bytes_per_day": 10}, 11),
    ],
)
def test_what_no_waiting_helps_is_said_and_tells_grpc_not_to_repeat(limits, source_bytes):
    refusal = judge(at_noon(), source_bytes=source_bytes, **limits).refusal()
    assert not refusal.retry_pushback
    assert refusal.retry_after is None
    assert "Waiting does not help" in refusal.message


def test_one_quota_that_no_waiting_helps_makes_waiting_for_the_others_useless():
    refusal = judge(at_noon(day_jobs=1), source_bytes=11, jobs_per_day=1, input_bytes_per_day=10).refusal()
    assert len(refusal.details) == 2
    assert (refusal.retry_after, refusal.retry_pushback) == (None, False)


def test_a_lowered_limit_counts_from_now_on():
    assert judge(at_noon(queued_jobs=40), queued_jobs=50).refusal() is None
    assert judge(at_noon(queued_jobs=40), queued_jobs=5).refusal() is not None


def test_a_shadow_quota_lets_through_counts_and_says_what_it_would_have_refused():
    verdict = judge(at_noon(day_jobs=5), mode=Mode.SHADOW, jobs_per_day=5)
    assert verdict.refusal() is None
    assert verdict.usage.day_jobs == 6
    assert [violation.quota for violation in verdict.would_refuse] == ["jobs_per_day"]
    assert verdict.refused == ()


def test_a_shadow_rate_would_refuse_as_many_as_an_enforced_one_does():
    usage, shadowed = at_noon(), 0
    for _ in range(100):
        verdict = decide("ranking", quotas(Mode.SHADOW, creates_per_minute=30), usage, NOON, 0)
        usage, shadowed = verdict.usage, shadowed + len(verdict.would_refuse)
    assert shadowed == 70
    assert usage.bucket_used == 30


def test_enforced_and_shadow_quotas_are_told_apart():
    mixed = Quotas(queued_jobs=Quota(0), jobs_per_day=Quota(0, Mode.SHADOW))
    verdict = decide("ranking", mixed, Usage(), NOON, 0)
    assert [v.quota for v in verdict.refused] == ["queued_jobs"]
    assert [v.quota for v in verdict.would_refuse] == ["jobs_per_day"]
    assert [v.quota for v in verdict.refusal().details] == ["queued_jobs"]


def test_the_limit_of_active_batch_jobs_does_not_refuse_a_create():
    verdict = decide("ranking", Quotas(active_jobs=Quota(1)), Usage(active_jobs=9), NOON, 0)
    assert verdict.exceeded == ()


def test_a_clock_that_went_back_gives_nothing_and_takes_nothing():
    usage = at_noon(bucket_used=3.0, day_jobs=2)
    yesterday = judge(usage, NOON - timedelta(days=1), creates_per_minute=30).usage
    assert (yesterday.bucket_used, yesterday.bucket_time) == (4.0, NOON)
    assert (yesterday.day, yesterday.day_jobs) == (TODAY, 3)


TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - aware by strategy.
STEPS = st.lists(st.tuples(st.timedeltas(timedelta(0), timedelta(seconds=40)), st.integers(0, 50)), max_size=60)
LIMITS = st.builds(
    dict,
    creates_per_minute=st.integers(0, 20),
    jobs_per_day=st.integers(0, 30),
    input_bytes_per_day=st.integers(0, 500),
    queued_jobs=st.integers(0, 40),
)


@given(TIMES, STEPS, LIMITS)
def test_whatever_arrives_no_limit_is_passed_and_waiting_as_told_helps(start, steps, limits):
    usage, now, admitted = Usage(), start, []
    for step, size in steps:
        now += step
        verdict = judge(usage, now, size, **limits)
        refusal = verdict.refusal()
        if refusal is None:
            usage = verdict.usage
            admitted.append((now, size))
        elif refusal.retry_pushback:
            waited = judge(replace(usage, queued_jobs=0), now + refusal.retry_after, size, **limits)
            assert waited.refusal() is None
    assert usage.queued_jobs == len(admitted) <= limits["queued_jobs"]
    for day in {moment.date() for moment, _ in admitted}:
        sizes = [size for moment, size in admitted if moment.date() == day]
        assert len(sizes) <= limits["jobs_per_day"]
        assert sum(sizes) <= limits["input_bytes_per_day"]
    for first, _ in admitted:
        minute = [moment for moment, _ in admitted if first <= moment < first + timedelta(minutes=1)]
        # A bucket may be full at the beginning of a minute and fill up once more during it.
        assert len(minute) <= 2 * limits["creates_per_minute"]


@given(TIMES)
def test_the_wait_until_midnight_ends_on_the_next_day_and_not_later_than_its_first_second(now):
    midnight = now + until_midnight(now)
    assert midnight.date() == now.date() + timedelta(days=1)
    assert midnight.time() < datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC).time()
