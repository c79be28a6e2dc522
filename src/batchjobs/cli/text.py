"""Values as people read them on a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from batchjobs.v1.batch_jobs_pb2 import BatchJob, WaitingReason

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
    if not batch_job.HasField("waiting"):
        return ""
    reason = _REASONS.get(batch_job.waiting.reason, f"REASON_{batch_job.waiting.reason}")
    if not batch_job.waiting.HasField("position"):
        return reason
    ahead = batch_job.waiting.position
    return f"{reason}, {ahead} before it" if ahead else f"{reason}, next in line"


def phase_start(batch_job: BatchJob) -> Timestamp:
    """When it came to its present state."""
    for transition in reversed(batch_job.transitions):
        if transition.state == batch_job.state:
            return transition.time
    return batch_job.update_time


def output(batch_job: BatchJob) -> str:
    return batch_job.output.gcs_directory or batch_job.output.bigquery_table
