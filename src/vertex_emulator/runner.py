"""Running a job: its rows are really read, answered and written, a part at a time, while emulated time passes."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.rpc import code_pb2

from vertex_emulator.bigquery.datasets import Datasets
from vertex_emulator.clock import Clock
from vertex_emulator.config import EmulatorConfig
from vertex_emulator.inputs import Input, Inputs
from vertex_emulator.jobs import Job
from vertex_emulator.lifecycle import Lifecycle
from vertex_emulator.outputs import Output, Outputs
from vertex_emulator.rows.process import RowResult, RowSettings, process_row
from vertex_emulator.rows.source import InputError, Source
from vertex_emulator.states import State
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import BucketForbiddenError, BucketMissingError, Buckets
from vertex_emulator.storage.objects import ObjectMissingError
from vertex_emulator.validation import model_display_name

_log = logging.getLogger(__name__)
_PARTS = 20
_MAX_PART = 5_000
_MAX_PARTIAL_FAILURES = 20


@dataclass(frozen=True)
class _Run:
    """One job at work: where its rows come from and where its output goes."""

    source: Source
    output: Output
    settings: RowSettings


class Runner:
    """Runs jobs against the folders of buckets and tables."""

    def __init__(self, config: EmulatorConfig, clock: Clock, buckets: Buckets, datasets: Datasets) -> None:
        self._config = config
        self._clock = clock
        self._buckets = buckets
        self._inputs = Inputs(config, buckets, datasets)
        self._outputs = Outputs(clock, buckets, datasets)

    async def run(self, job: Job, lifecycle: Lifecycle) -> None:
        """Work off what is left of a job, and end it."""
        mine = job.run = object()
        try:
            run = await asyncio.to_thread(self._prepare, job)
            if job.run is mine:
                self._show(job, run)
                await self._work(job, run, mine, lifecycle)
        except InputError as error:
            if job.run is mine:
                # Nobody knows how many rows there would have been.
                job.message.completion_stats.incomplete_count = -1
                lifecycle.end(job, State.FAILED, code_pb2.INVALID_ARGUMENT, str(error))
        except Exception:  # noqa: BLE001 - it is logged, and the job says so too.
            _log.exception("job %s failed by a defect or a lost file", job.name)
            if job.run is mine:
                lifecycle.end(job, State.FAILED, code_pb2.INTERNAL, "Internal error encountered.")

    def _prepare(self, job: Job) -> _Run:
        rows = self._inputs.open(job)
        return _Run(rows.source, self._outputs.open(job, rows.carried), self._row_settings(job, rows))

    def _row_settings(self, job: Job, rows: Input) -> RowSettings:
        return RowSettings(
            model=model_display_name(job.message.model),
            has_object=self._has_object,
            job_parameters=json_format.MessageToDict(job.message.model_parameters.struct_value),
            fail_every=self._config.fail_row_every,
            from_table=rows.from_table,
            carried=tuple(column.name for column in rows.carried),
        )

    def _has_object(self, uri: str) -> bool:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        try:
            objects.stat(self._buckets.open(bucket), name)
        except (BucketMissingError, BucketForbiddenError, ObjectMissingError):
            return False
        return True

    def _show(self, job: Job, run: _Run) -> None:
        """Fill in what is known once a job has begun."""
        run.output.show(job.message.output_info)
        job.message.completion_stats.incomplete_count = len(run.source.rows) - job.rows_done

    async def _work(self, job: Job, run: _Run, mine: object, lifecycle: Lifecycle) -> None:
        total = len(run.source.rows)
        part = min(max(math.ceil(total / _PARTS), 1), _MAX_PART)
        seconds = self._config.run_seconds
        per_row = self._config.seconds_per_row if seconds is None else seconds / total
        while job.rows_done < total:
            count = min(part, total - job.rows_done)
            await self._clock.sleep(per_row * count)
            # Whoever ends the job waits for this lock: what is written is always counted.
            async with job.lock:
                if job.run is not mine:
                    return
                self._count(job, await asyncio.to_thread(self._do, run, job.rows_done, count))
        if job.run is mine:
            _finish(job, lifecycle)

    def _do(self, run: _Run, first: int, count: int) -> list[RowResult]:
        processed = self._clock.now().isoformat()
        results = [
            process_row(line, place.number, run.settings, processed) for place, line in run.source.read(first, count)
        ]
        run.output.append(b"".join(result.line + b"\n" for result in results))
        return results

    def _count(self, job: Job, results: list[RowResult]) -> None:
        refused = [result.refusal for result in results if result.refusal]
        job.rows_done += len(results)
        stats = job.message.completion_stats
        stats.successful_count += len(results) - len(refused)
        stats.failed_count += len(refused)
        stats.incomplete_count -= len(results)
        for refusal in refused[: _MAX_PARTIAL_FAILURES - len(job.message.partial_failures)]:
            job.message.partial_failures.add(code=code_pb2.INVALID_ARGUMENT, message=refusal)
        job.message.update_time.FromDatetime(self._clock.now())


def _finish(job: Job, lifecycle: Lifecycle) -> None:
    stats: Any = job.message.completion_stats
    if not stats.failed_count:
        lifecycle.end(job, State.SUCCEEDED)
    elif stats.successful_count:
        lifecycle.end(job, State.PARTIALLY_SUCCEEDED)
    else:
        message = f"All {stats.failed_count} rows failed, the first with: {job.message.partial_failures[0].message}"
        lifecycle.end(job, State.FAILED, code_pb2.INVALID_ARGUMENT, message)
