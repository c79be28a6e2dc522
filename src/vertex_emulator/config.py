"""How one emulator behaves: every setting with its default, and the checks that they make sense together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from vertex_emulator.errors import ConfigError
from vertex_emulator.faults import Fault

DAY = 24 * 3600.0


class ClockKind(StrEnum):
    """What makes time pass: the machine's clock (perhaps scaled), or calls of `advance`."""

    REAL = "real"
    DRIVEN = "driven"


class CapacityMode(StrEnum):
    """What happens to a job for which there is no room: it waits, or its create is refused."""

    QUEUE = "queue"
    REFUSE = "refuse"


class WaitingState(StrEnum):
    """The state that a job shows while it waits for room."""

    PENDING = "pending"
    QUEUED = "queued"


class BucketCheck(StrEnum):
    """How a bucket must lie to a job's region: in exactly it, anywhere that contains it, or anywhere at all."""

    STRICT = "strict"
    CONTAINS = "contains"
    OFF = "off"


@dataclass(frozen=True)
class EmulatorConfig:
    """Settings of one emulator. All durations are emulated seconds.

    Raises `ConfigError`, naming the setting, where a value makes no sense.
    """

    buckets: Path
    """The folder whose subfolders are the buckets; made if it does not exist."""
    tables: Path | None = None
    """The folder of BigQuery's tables, `project/dataset/table.jsonl`; made if it does not exist. None: no datasets."""

    host: str = "127.0.0.1"
    port: int = 0
    """Port of the gRPC services; 0 takes a free one."""
    storage_port: int = 0
    """Port of the Cloud Storage, BigQuery and control routes; 0 takes a free one."""

    clock: ClockKind = ClockKind.REAL
    time_scale: float = 1.0
    """Emulated seconds to one real second, with the real clock."""
    start_time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """Where the driven clock starts."""

    project_numbers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Project id to project number. Names in answers carry the number, as Vertex's do."""
    models: tuple[str, ...] = ("gemini-*",)
    """Patterns of the base models that exist; tuned models are accepted by form."""

    capacity: int | None = None
    """How many jobs may run at once in one project and region; None is no limit."""
    capacities: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Exceptions to `capacity`, by region."""
    capacity_mode: CapacityMode = CapacityMode.QUEUE
    waiting_state: WaitingState = WaitingState.PENDING
    bucket_check: BucketCheck = BucketCheck.CONTAINS
    global_bigquery: bool = False
    """Whether jobs at the global location may use BigQuery."""

    pending_seconds: float = 1.0
    """From create until a job may run."""
    run_seconds: float | None = None
    """How long a job runs, whatever its size; None: `seconds_per_row` decides."""
    seconds_per_row: float = 0.005
    cancel_seconds: float = 1.0
    """From a cancel until it takes effect; a job that is done sooner succeeds in spite of it."""
    delete_seconds: float = 1.0
    queue_limit_seconds: float = 3 * DAY
    """A job that has waited this long for room expires."""
    run_limit_seconds: float = DAY
    """A job that has run this long is cancelled; it keeps what it finished."""

    fail_row_every: int = 0
    """Make every n-th row of an input fail; 0 fails none beyond the bad ones."""
    max_rows: int = 200_000
    max_input_bytes: int = 1_000_000_000
    page_size_limit: int = 100
    submits_per_minute: int | None = None
    """Create requests a minute in one region before RESOURCE_EXHAUSTED; None is no limit."""
    reads_per_minute: int | None = None
    """Get and List requests a minute in one region before RESOURCE_EXHAUSTED; None is no limit."""
    faults: tuple[Fault, ...] = ()
    """What the script of trouble begins with."""
    seed: int | None = None
    """Makes job ids repeatable; None: they are random, as a restarted emulator must not reuse names."""

    def __post_init__(self) -> None:
        for name in ("pending_seconds", "seconds_per_row", "cancel_seconds", "delete_seconds", "fail_row_every"):
            _at_least(name, getattr(self, name), 0)
        for name in ("queue_limit_seconds", "run_limit_seconds", "max_rows", "max_input_bytes", "page_size_limit"):
            _at_least(name, getattr(self, name), 1)
        for name in ("capacity", "run_seconds", "submits_per_minute", "reads_per_minute"):
            _at_least(name, getattr(self, name), 0)
        for region, limit in self.capacities.items():
            _at_least(f"capacities.{region}", limit, 0)
        if not self.time_scale > 0:
            raise ConfigError(f"time_scale: must be above 0, not {self.time_scale}")
        if self.start_time.tzinfo is None:
            raise ConfigError("start_time: must carry a time zone")


def _at_least(name: str, value: float | None, least: float) -> None:
    if value is not None and not value >= least:
        raise ConfigError(f"{name}: must be at least {least}, not {value}")
