"""Quotas at create: pure decisions over what a team uses. The store calls `decide` under the team's lock.

`active_jobs` is not among them: it bounds dispatch, not creates.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

from gateway.errors import GatewayError, QuotaViolation, Reason
from gateway.policy.model import Mode, Quota, Quotas
from gateway.store.model import Usage

QUEUE_RETRY: Final = timedelta(seconds=30)
"""When to look again at a full queue: nobody knows when it moves."""

_ROUNDING: Final = 1e-9
"""Tokens that came back fraction by fraction may miss the whole by this much."""


@dataclass(frozen=True, slots=True)
class Exceeded:
    """One quota that a create would go over; `retry_after` None means that waiting does not help."""

    violation: QuotaViolation
    mode: Mode
    retry_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the quotas say of one create. `usage` is what the team uses once it is admitted."""

    usage: Usage
    exceeded: tuple[Exceeded, ...] = ()

    @property
    def refused(self) -> tuple[QuotaViolation, ...]:
        """The quotas in force that are exceeded; any of them refuses."""
        return tuple(e.violation for e in self.exceeded if e.mode is Mode.ENFORCE)

    @property
    def would_refuse(self) -> tuple[QuotaViolation, ...]:
        """The quotas in shadow mode that are exceeded: to be counted and shown."""
        return tuple(e.violation for e in self.exceeded if e.mode is Mode.SHADOW)

    def refusal(self) -> GatewayError | None:
        """QUOTA_EXCEEDED with every quota that refuses; None where the create is admitted."""
        enforced = [e for e in self.exceeded if e.mode is Mode.ENFORCE]
        if not enforced:
            return None
        waits = [e.retry_after for e in enforced if e.retry_after is not None]
        helps = len(waits) == len(enforced)
        sentences = " ".join(e.violation.description for e in enforced)
        way_out = f"Try again in {_shown(max(waits))}." if helps else "Waiting does not help: ask for a higher limit."
        return GatewayError(
            Reason.QUOTA_EXCEEDED,
            f"{sentences} {way_out}",
            details=tuple(e.violation for e in enforced),
            retry_after=max(waits) if helps else None,
            retry_pushback=helps,
        )


def decide(team: str, quotas: Quotas, usage: Usage, now: datetime, source_bytes: int) -> Verdict:
    """Judge one create of `source_bytes` against all quotas at once.

    Args:
        team: its name.
        quotas: the team's quotas, as they are now.
        usage: what the team uses, read under its lock.
        now: the store's time, aware.
        source_bytes: what the batch job reads.

    """
    usage = current(usage, quotas, now)
    exceeded = tuple(_exceeded(team, quotas, usage, now, source_bytes))
    throttled = any(e.violation.quota == "creates_per_minute" for e in exceeded)
    admitted = replace(
        usage,
        queued_jobs=usage.queued_jobs + 1,
        # What a shadow limit would have refused would have taken no token either.
        bucket_used=usage.bucket_used if throttled else usage.bucket_used + 1,
        day_jobs=usage.day_jobs + 1,
        day_input_bytes=usage.day_input_bytes + source_bytes,
    )
    return Verdict(admitted, exceeded)


def current(usage: Usage, quotas: Quotas, now: datetime) -> Usage:
    """The usage brought up to `now`: tokens that came back are gone from the bucket, a day that is over counts nothing.

    A clock that went back changes nothing.
    """
    today = now.astimezone(UTC).date()
    if usage.day is None or usage.day < today:
        usage = replace(usage, day=today, day_jobs=0, day_input_bytes=0)
    if usage.bucket_time is None or usage.bucket_time < now:
        per_second = quotas.creates_per_minute.limit / 60 if quotas.creates_per_minute else float("inf")
        passed = (now - usage.bucket_time).total_seconds() if usage.bucket_time else 0.0
        usage = replace(usage, bucket_used=_drained(usage.bucket_used, per_second, passed), bucket_time=now)
    return usage


def _drained(used: float, per_second: float, passed: float) -> float:
    """What is left in the bucket. Without a limit nothing is ever kept in it."""
    return 0.0 if per_second == float("inf") else max(0.0, used - per_second * passed)


def _exceeded(team: str, quotas: Quotas, usage: Usage, now: datetime, source_bytes: int) -> Iterator[Exceeded]:
    if (quota := quotas.queued_jobs) and usage.queued_jobs + 1 > quota.limit:
        retry = QUEUE_RETRY if quota.limit else None
        yield _over(team, "queued_jobs", quota, usage.queued_jobs, "batch jobs queued", retry)
    if (quota := quotas.creates_per_minute) and usage.bucket_used + 1 > quota.limit + _ROUNDING:
        missing = usage.bucket_used + 1 - quota.limit
        retry = timedelta(seconds=missing * 60 / quota.limit) if quota.limit else None
        yield _over(team, "creates_per_minute", quota, round(usage.bucket_used), "creates in the last minute", retry)
    if (quota := quotas.jobs_per_day) and usage.day_jobs + 1 > quota.limit:
        retry = until_midnight(now) if quota.limit else None
        yield _over(team, "jobs_per_day", quota, usage.day_jobs, "batch jobs created today (UTC)", retry)
    if (quota := quotas.input_bytes_per_day) and usage.day_input_bytes + source_bytes > quota.limit:
        retry = until_midnight(now) if source_bytes <= quota.limit else None
        what = f"bytes of input today (UTC), and this batch job reads {source_bytes}"
        yield _over(team, "input_bytes_per_day", quota, usage.day_input_bytes, what, retry)


def _over(team: str, name: str, quota: Quota, used: int, what: str, retry_after: timedelta | None) -> Exceeded:
    sentence = f"Team {team} has {used} {what}; its limit {name} is {quota.limit}."
    return Exceeded(QuotaViolation(f"teams/{team}", name, quota.limit, used, sentence), quota.mode, retry_after)


def until_midnight(now: datetime) -> timedelta:
    """From now to the next day in UTC; whole seconds, rounded up, and never zero."""
    today = now.astimezone(UTC)
    midnight = datetime.combine(today.date() + timedelta(days=1), time(), UTC)
    return timedelta(seconds=-((today - midnight) // timedelta(seconds=1)))


def _shown(wait: timedelta) -> str:
    """The wait for a person: `4 s`, `2 min`, `3 h`, never less than it is."""
    seconds = max(1, -(-wait // timedelta(seconds=1)))
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{-(-seconds // size)} {unit}"
    return f"{seconds} s"
