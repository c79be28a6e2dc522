"""What the watch of a team tells."""

from dataclasses import dataclass

from batchjobs.v1.batch_jobs_pb2 import BatchJob


@dataclass(frozen=True, slots=True)
class Changed:
    """The batch job as it is now. `resume_token` goes on after this event."""

    batch_job: BatchJob
    resume_token: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A batch job is gone: deleted by a caller, or by the gateway when its time was over."""

    name: str
    revision: int
    resume_token: str = ""


@dataclass(frozen=True, slots=True)
class Synced:
    """What was told up to here is the present state; what follows are changes."""

    resume_token: str = ""


@dataclass(frozen=True, slots=True)
class StartedOver:
    """The watch could not go on from where it was: everything that has not ended follows once more, up to `Synced`.

    A batch job that was live before and is not told again by then has ended or was deleted meanwhile: get it, or list.
    """

    why: str
    resume_token: str = ""


TeamEvent = Changed | Deleted | Synced | StartedOver
