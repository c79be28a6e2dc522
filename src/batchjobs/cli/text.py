"""Values as people read them on a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from batchjobs.client import BatchJob, has_ended
from batchjobs.v1.batch_jobs_pb2 import WaitingReason

MINUTE, HOUR, DAY = 60, 3600, 86400
_STATES: Final[Mapping[int, str]] = {number: name for name, number in BatchJob.State.items()}
_REASONS: Final[Mapping[int, str]] = {number: name for name, number in WaitingReason.items()}


def plain(text: str) -> str:
    """The text without control characters: what others wrote must not steer the reader's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def state_name(state: int) -> str:
    """The state's name, also of one that this version does not know."""
    return _STATES.get(state, f"STATE_{state}")


def span(seconds: float) -> str:
    """A length of time: `1:02:03`, or `2d 01:02:03`."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, left = divmod(rest, MINUTE)
    clock = f"{hours}:{minutes:02}:{left:02}" if hours and not days else f"{hours:02}:{minutes:02}:{left:02}"
    return f"{days}d {clock}" if days else clock if hours else f"{minutes:02}:{left:02}"


def moment(time: Timestamp) -> str:
    return time.ToDatetime(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def since(time: Timestamp, now: datetime) -> float:
    """Seconds from a time of the gateway's clock until now; zero where the two clocks contradict each other."""
    return max(0.0, (now - time.ToDatetime(UTC)).total_seconds())


def rows(batch_job: BatchJob) -> str:
    """`480 ok, 12 failed, 8 left`, as far as Vertex AI has said."""
    counts = batch_job.rows
    named = (("succeeded", "ok"), ("failed", "failed"), ("incomplete", "left"))
    return ", ".join(f"{getattr(counts, name)} {word}" for name, word in named if counts.HasField(name))  # type: ignore[arg-type]  # the names are those of Rows


def waiting(batch_job: BatchJob) -> str:
    """`POOL_FULL, 3 before it`; empty where it does not wait."""
    return waiting_for(batch_job.waiting) if batch_job.HasField("waiting") else ""


def waiting_for(why: BatchJob.Waiting) -> str:
    """`POOL_FULL, 3 before it`, `POOL_FULL, next in line`, or the reason alone."""
    reason = _REASONS.get(why.reason, f"REASON_{why.reason}")
    if why.reason == WaitingReason.DISPATCHING:
        return f"{reason}, a slot is free for it"
    if not why.HasField("position"):
        return reason
    return f"{reason}, {why.position} before it" if why.position else f"{reason}, next in line"


def phase_start(batch_job: BatchJob) -> Timestamp:
    """When it came to its present state."""
    for transition in reversed(batch_job.transitions):
        if transition.state == batch_job.state:
            return transition.time
    return batch_job.update_time


def phases(batch_job: BatchJob, now: datetime) -> str:
    """`queued 00:12 · pending 00:05 · running 03:12`: the time in each state, up to now where it has not ended."""
    seconds: dict[str, float] = {}
    times = [entry.time.ToDatetime(UTC) for entry in batch_job.transitions]
    ends = [*times[1:], *([] if has_ended(batch_job) else [now])]
    for entry, until in zip(batch_job.transitions, ends, strict=False):
        name = state_name(entry.state).lower()
        seconds[name] = seconds.get(name, 0.0) + since(entry.time, until)
    return " · ".join(f"{name} {span(passed)}" for name, passed in seconds.items())


def output(batch_job: BatchJob) -> str:
    return batch_job.output.gcs_directory or batch_job.output.bigquery_table
