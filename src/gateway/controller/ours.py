"""Whether a Vertex job is ours, and which batch job it belongs to. Pure.

Anyone can clone a job in Google's console, labels and all: what decides is everything that a create of ours would have
said, and an attempt that the row ever sent.

After a restore from backup a row may have forgotten an attempt. What was made in the stretch of time that the store has
lost therefore goes by everything but the attempt: a clone from the console carries the attempt of its original, which
has to be there as well and is older.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.batch_job import BatchJob
from gateway.domain.states import State
from gateway.domain.vertex_job import LABEL_ATTEMPT, LABEL_GATEWAY, LABEL_ID, LABEL_TEAM, VertexJob
from gateway.store.scans import Restore


@dataclass(frozen=True, slots=True)
class Lost:
    """A stretch of Vertex's time in which a create may have been shown whose attempt the store has forgotten."""

    since: datetime
    until: datetime

    @classmethod
    def by(cls, restore: Restore, settle_after: timedelta, slack: timedelta) -> "Lost":
        """From the last write that the backup holds until T after the restore; clocks may differ by `slack`."""
        return cls(restore.kept_until - slack, restore.declare_time + settle_after + slack)


def same_vertex_job(one: str, other: str) -> bool:
    """Whether two names mean one Vertex job: Vertex answers with project numbers where it was asked by id."""
    return last_segment(one) == last_segment(other) != ""


def last_segment(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def labels_of(job: BatchJob, attempt_id: str, gateway: str) -> dict[str, str]:
    """The labels of a create: the caller's, and the four that say whose it is."""
    return {
        **job.spec.labels,
        LABEL_GATEWAY: gateway,
        LABEL_ID: str(job.id),
        LABEL_ATTEMPT: attempt_id,
        LABEL_TEAM: job.team,
    }


def claims(found: VertexJob, gateway: str) -> int | None:
    """The batch job that a Vertex job says it belongs to; None where it is not labelled by this installation."""
    if found.labels.get(LABEL_GATEWAY) != gateway:
        return None
    claimed = found.labels.get(LABEL_ID, "")
    return int(claimed) if claimed.isascii() and claimed.isdigit() else None


def belongs(found: VertexJob, job: BatchJob, gateway: str, lost: Collection[Lost] = ()) -> bool:
    """Whether we made this Vertex job for this batch job, and so may adopt or cancel it.

    Gateway, id, team, model, source, destination and attempt match. A row that was restored to before its attempt knows
    none, and one that was restored to between two knows the first alone: there the other six suffice.
    """
    attempt = found.labels.get(LABEL_ATTEMPT, "")
    return (
        claims(found, gateway) == job.id
        and found.labels.get(LABEL_TEAM) == job.team
        and same_model(found.model, job.effective_model)
        and found.source_uri == job.spec.source_uri
        and _folder(found.destination_uri) == _folder(job.spec.destination_uri)
        and (
            not job.attempts
            or any(attempt == each.id for each in job.attempts)
            or any(each.since <= found.create_time <= each.until for each in lost)
        )
    )


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model, by the last segment; a version behind `@` is Vertex's to add."""
    return _kind(one) == _kind(other)


def best(found: list[VertexJob]) -> VertexJob:
    """Of several Vertex jobs for one batch job the one to keep: with results, else alive, else whatever; the oldest."""
    return min(found, key=lambda each: (_worth(each.state), each.create_time, each.id))


def _kind(name: str) -> tuple[bool, str]:
    return "/publishers/" in f"/{name}", last_segment(name).split("@", 1)[0]


def _folder(uri: str) -> str:
    return uri.rstrip("/")


def _worth(state: State) -> int:
    if state in {State.SUCCEEDED, State.PARTIALLY_SUCCEEDED}:
        return 0
    return 2 if state in {State.FAILED, State.CANCELLED, State.EXPIRED} else 1
