"""Running a job: its rows are really read, answered and written, a part at a time, while emulated time passes."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import json_format
from google.rpc import code_pb2

from vertex_emulator.clock import Clock
from vertex_emulator.config import EmulatorConfig
from vertex_emulator.jobs import Job
from vertex_emulator.lifecycle import Lifecycle
from vertex_emulator.rows.process import RowResult, RowSettings, process_row
from vertex_emulator.rows.source import InputError, Source, open_source
from vertex_emulator.states import State
from vertex_emulator.storage import objects
from vertex_emulator.storage.buckets import Bucket, BucketForbiddenError, BucketMissingError, Buckets
from vertex_emulator.storage.objects import BadObjectNameError, ObjectMissingError
from vertex_emulator.validation import model_display_name, split_gcs_uri

_log = logging.getLogger(__name__)
_PARTS = 20
_MAX_PART = 5_000
_MAX_PARTIAL_FAILURES = 20


@dataclass(frozen=True)
class _Run:
    """One job at work: where its rows come from and where its output goes."""

    source: Source
    output: Bucket
    output_name: str
    settings: RowSettings


class Runner:
    """Runs jobs against the folder of buckets."""

    def __init__(self, config: EmulatorConfig, clock: Clock, buckets: Buckets) -> None:
        self._config = config
        self._clock = clock
        self._buckets = buckets
        # Jobs are prepared in threads.
        self._naming = threading.Lock()
        self._named = datetime.min.replace(tzinfo=UTC)

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
        uri = job.message.input_config.gcs_source.uris[0]
        bucket_name, name = split_gcs_uri(uri)
        try:
            stored = objects.stat(self._buckets.open(bucket_name), name)
            source = open_source(stored.path, max_rows=self._config.max_rows, max_bytes=self._config.max_input_bytes)
        except (BucketMissingError, BucketForbiddenError, ObjectMissingError, FileNotFoundError) as error:
            raise InputError(f"Failed to import data: {uri} was not found or cannot be read.") from error
        return _Run(source, *self._output(job), self._row_settings(job))

    def _output(self, job: Job) -> tuple[Bucket, str]:
        """Bucket and object that the output goes to: what the job began with, or a new directory."""
        begun = job.message.output_info.gcs_output_directory
        prefix = job.message.output_config.gcs_destination.output_uri_prefix.rstrip("/") + "/"
        bucket_name, folder = split_gcs_uri(f"{begun}/" if begun else prefix)
        try:
            bucket = self._buckets.open(bucket_name)
            if not begun:
                folder = self._new_folder(bucket, folder)
        except (BucketMissingError, BucketForbiddenError, BadObjectNameError) as error:
            raise InputError(f"Failed to export data to {prefix}: {error}.") from error
        return bucket, f"{folder}predictions.jsonl"

    def _new_folder(self, bucket: Bucket, prefix: str) -> str:
        """A folder that is this job's alone: where another has its name, the time in it moves on by a microsecond."""
        while True:
            with self._naming:
                self._named = max(self._clock.now(), self._named + timedelta(microseconds=1))
                moment = self._named.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            if objects.new_folder(bucket, f"{prefix}prediction-model-{moment}"):
                return f"{prefix}prediction-model-{moment}/"

    def _row_settings(self, job: Job) -> RowSettings:
        return RowSettings(
            model=model_display_name(job.message.model),
            has_object=self._has_object,
            job_parameters=json_format.MessageToDict(job.message.model_parameters.struct_value),
            fail_every=self._config.fail_row_every,
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
        directory = run.output_name.rsplit("/", 1)[0]
        job.message.output_info.gcs_output_directory = f"gs://{run.output.name}/{directory}"
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
        objects.append(run.output, run.output_name, b"".join(result.line + b"\n" for result in results))
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
