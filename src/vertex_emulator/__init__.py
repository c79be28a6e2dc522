"""A local Vertex AI, Cloud Storage and BigQuery that speak the real wire protocols and really run batches.

As a program: `python -m vertex_emulator --buckets DIR` (`--help` says the rest). In a test or another program::

    async with Emulator(EmulatorConfig(buckets=folder, clock=ClockKind.DRIVEN)) as emulator:
        channel = grpc.aio.insecure_channel(emulator.target)   # "127.0.0.1:PORT", for the real JobServiceAsyncClient
        endpoint = emulator.storage_url                        # "http://127.0.0.1:PORT", for the real storage client
        endpoint = emulator.bigquery_url                       # the same, for the real BigQuery client
        emulator.faults.add(Fault("CreateBatchPredictionJob", FaultKind.DROP_ANSWER))
        await emulator.driven_clock.advance(60)                # everything due in that minute is done on return
        emulator.calls.of("CreateBatchPredictionJob")[0].job   # the Vertex job's name

The same can be done from another process over HTTP, under `{storage_url}/emulator/`.

An `Emulator` runs in the event loop that starts it, serves all projects and regions, and has:

- `target`, `storage_url`, `bigquery_url`: where it listens.
- `clock`: real, scaled or driven (`driven_clock.advance(seconds)`, `clock.now()`).
- `faults`: the script of trouble (`add(Fault(...))`, `remove`, `clear`, `pending`).
- `calls`: every call, in order (`of(method)`, `await wait_for(condition)`, iteration, `clear`).
- `jobs`: the jobs there are; each `Job` has `name`, `state`, `message` (protobuf), `history`.
- `capacity`: limits that can be changed while it runs (`set(limit, region=None)`, `set_mode(mode)`).
- `console`: what people do by hand (`create`, `clone`, `alter`, `delete`, `pause`, `resume`, `set_state`).
- `buckets`, `datasets`: the folders of buckets and of tables.
"""

from vertex_emulator.calls import Call, CallLog
from vertex_emulator.capacity import Capacity
from vertex_emulator.clock import Clock, DrivenClock, RealClock
from vertex_emulator.config import BucketCheck, CapacityMode, ClockKind, EmulatorConfig, WaitingState
from vertex_emulator.console import Console
from vertex_emulator.emulator import Emulator
from vertex_emulator.errors import ConfigError
from vertex_emulator.faults import Fault, FaultKind, Faults
from vertex_emulator.jobs import Job, JobStore
from vertex_emulator.states import State

__all__ = [
    "BucketCheck",
    "Call",
    "CallLog",
    "Capacity",
    "CapacityMode",
    "Clock",
    "ClockKind",
    "ConfigError",
    "Console",
    "DrivenClock",
    "Emulator",
    "EmulatorConfig",
    "Fault",
    "FaultKind",
    "Faults",
    "Job",
    "JobStore",
    "RealClock",
    "State",
    "WaitingState",
]
