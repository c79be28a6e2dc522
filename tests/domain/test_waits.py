"""The median of recent waits."""

from datetime import UTC, datetime, timedelta

from gateway.domain.waits import Wait, recent_median

NOW = datetime(2026, 1, 8, tzinfo=UTC)


def waits(*pairs):
    """Each as (days since it ended, seconds)."""
    return [Wait(NOW - timedelta(days=days), timedelta(seconds=seconds)) for days, seconds in pairs]


def test_it_is_the_middle_one_or_between_the_two_in_the_middle():
    assert recent_median(waits((1, 10), (2, 500), (3, 20)), NOW) == timedelta(seconds=20)
    assert recent_median(waits((1, 10), (2, 20)), NOW) == timedelta(seconds=15)


def test_what_ended_more_than_a_week_ago_no_longer_counts():
    assert recent_median(waits((8, 9000), (1, 10)), NOW) == timedelta(seconds=10)
    assert recent_median(waits((8, 9000)), NOW) is None
