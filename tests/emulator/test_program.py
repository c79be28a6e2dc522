"""The emulator as a program, and its configuration file."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.services.job_service.transports import JobServiceGrpcAsyncIOTransport

from emulator.helpers import PARENT, job
from vertex_emulator import BucketCheck, ClockKind, ConfigError, EmulatorConfig, FaultKind
from vertex_emulator.config_file import load_config


async def run(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vertex_emulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_serves_until_it_is_told_to_stop(folder: Path, number: int) -> None:
    program = await run("--buckets", str(folder), "--tables", str(folder / "tables"), "--time-scale", "1000")
    assert program.stdout is not None
    addresses = json.loads(await program.stdout.readline())
    assert addresses["bigquery_url"].startswith("http://127.0.0.1:")
    assert (folder / "tables").is_dir()
    async with grpc.aio.insecure_channel(addresses["target"]) as channel:
        client = JobServiceAsyncClient(transport=JobServiceGrpcAsyncIOTransport(channel=channel))
        await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job())
    program.send_signal(number)
    _, errors = await program.communicate()
    assert program.returncode == 0, errors


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "buckets"),
        (["--buckets", "B", "--time-scale", "0"], "time_scale"),
        (["--buckets", "B", "--config", "absent.yaml"], "absent.yaml"),
    ],
)
async def test_bad_settings_end_the_program_with_a_reason(tmp_path: Path, arguments: list[str], why: str) -> None:
    program = await run(*[str(tmp_path) if argument == "B" else argument for argument in arguments])
    _, errors = await program.communicate()
    assert program.returncode == 2
    assert why in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_a_port_that_is_taken_ends_the_program_with_a_reason(folder: Path) -> None:
    first = await run("--buckets", str(folder))
    assert first.stdout is not None
    taken = json.loads(await first.stdout.readline())
    for option, port in (
        ("--port", taken["target"].rsplit(":", 1)[1]),
        ("--storage-port", taken["storage_url"].rsplit(":", 1)[1]),
    ):
        second = await run("--buckets", str(folder), option, port)
        _, errors = await second.communicate()
        assert second.returncode == 2
        assert port in errors.decode()
    first.terminate()
    await first.communicate()


def test_a_file_sets_every_kind_of_setting(tmp_path: Path) -> None:
    path = tmp_path / "emulator.yaml"
    path.write_text(
        """
        buckets: data
        tables: bq
        global_bigquery: true
        clock: driven
        start_time: 2026-05-01T00:00:00+02:00
        bucket_check: strict
        capacity: 8
        capacities: {europe-west4: 2}
        run_seconds: 5
        project_numbers: {corp-ml: 123456789012}
        models: [gemini-*, gemma-*]
        faults:
          - {method: CreateBatchPredictionJob, kind: drop_answer}
        """
    )
    config = load_config(path, {"capacity": 3})
    assert (config.buckets, config.tables) == (tmp_path / "data", tmp_path / "bq")
    assert config.global_bigquery is True
    assert config.clock is ClockKind.DRIVEN
    assert config.start_time.utcoffset() is not None
    assert config.bucket_check is BucketCheck.STRICT
    assert config.capacity == 3
    assert config.capacities == {"europe-west4": 2}
    assert config.run_seconds == 5.0
    assert config.project_numbers == {"corp-ml": "123456789012"}
    assert config.models == ("gemini-*", "gemma-*")
    assert [fault.kind for fault in config.faults] == [FaultKind.DROP_ANSWER]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colour: blue", "colour"),
        ("capacity: many", "capacity"),
        ("capacity: true", "capacity"),
        ("capacity: 1.5", "capacity"),
        ("capacity: -1", "capacity"),
        ("capacities: [1]", "capacities"),
        ("global_bigquery: 1", "global_bigquery"),
        ("capacities: {us-central1: -2}", "capacities.us-central1"),
        ("run_seconds: soon", "run_seconds"),
        ("pending_seconds: .nan", "pending_seconds"),
        ("time_scale: -3", "time_scale"),
        ("clock: sundial", "clock"),
        ("start_time: 2026-01-01T00:00:00", "start_time"),
        ("models: gemini", "models"),
        ("faults: [{method: X, kind: explode}]", "faults"),
        ("pending_seconds:", "pending_seconds"),
        ("- a list", "map"),
        ("a: [", "yaml"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "emulator.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(path, {"buckets": tmp_path})
    assert str(path) in str(refused.value)
    assert key in str(refused.value)


@pytest.mark.parametrize("values", [{"page_size_limit": 0}, {"fail_row_every": -1}, {"queue_limit_seconds": 0}])
def test_settings_are_checked_however_they_are_made(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        EmulatorConfig(buckets=tmp_path, **values)
