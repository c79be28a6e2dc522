"""Watching: every end ends it, streams that are cut off go on, and Ctrl-C stops the watching only."""

import asyncio
import json
import os
import pty
import signal
import sys
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, SUBMIT, Gateway, Refusal, Run, State, batch_job, event

BATCHJOBS = str(Path(sys.executable).parent / "batchjobs")
ENDS = {
    State.SUCCEEDED: 0,
    State.PARTIALLY_SUCCEEDED: 6,
    State.FAILED: 5,
    State.CANCELLED: 5,
    State.EXPIRED: 5,
}
POOL_FULL = pb.BatchJob.Waiting(reason=pb.POOL_FULL, position=3)


@pytest.mark.parametrize(("state", "code"), ENDS.items(), ids=str)
async def test_every_end_ends_the_watch_with_its_exit_code(gateway: Gateway, run: Run, state: int, code: int) -> None:
    """Even where the gateway leaves the stream open after it."""
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), event(state), asyncio.Event()]]
    ran = await run("watch", NAME)
    assert ran.code == code
    assert State.Name(state) in ran.out


async def test_progress_says_state_reason_position_and_rows(gateway: Gateway, run: Run) -> None:
    heartbeat = pb.WatchEvent(heartbeat=pb.WatchEvent.Heartbeat())
    gateway.script["WatchBatchJob"] = [
        [
            event(State.QUEUED, waiting=POOL_FULL),
            heartbeat,
            event(State.QUEUED, waiting=POOL_FULL),
            pb.WatchEvent(resume_token="t", synced=True),
            event(State.QUEUED, waiting=pb.BatchJob.Waiting(reason=pb.GATE_CLOSED)),
            event(State.QUEUED, waiting=pb.BatchJob.Waiting(reason=pb.TEAM_LIMIT, position=0)),
            event(State.RUNNING, rows=pb.BatchJob.Rows(succeeded=480, failed=12, incomplete=8)),
            event(
                State.FAILED,
                error=status_pb2.Status(code=3, message="Failed to import data."),
                create_time=Timestamp(seconds=100),
                end_time=Timestamp(seconds=3825),
            ),
        ]
    ]
    ran = await run("watch", NAME)
    assert ran.err.splitlines() == [
        "QUEUED · POOL_FULL, 3 before it",
        "QUEUED · GATE_CLOSED",
        "QUEUED · TEAM_LIMIT, next in line",
        "RUNNING · 480 ok, 12 failed, 8 left",
        "FAILED",
    ]
    assert ran.out == f"{NAME}  FAILED after 1:02:05; Failed to import data.\n"


async def test_a_stream_that_is_cut_off_is_opened_again(gateway: Gateway, run: Run) -> None:
    draining = Refusal(
        grpc.StatusCode.UNAVAILABLE, "Age limit.", "DRAINING", retry_after=timedelta(milliseconds=1), pushback="1"
    )
    gateway.script["WatchBatchJob"] = [
        [event(State.PENDING), draining],
        [draining],
        [event(State.RUNNING)],
        [event(State.SUCCEEDED)],
    ]
    ran = await run("watch", NAME)
    assert ran.code == 0
    assert len(gateway.requests("WatchBatchJob")) == 4
    assert ran.err.count("DRAINING, watching again") == 2


async def test_patience_is_for_one_absence_and_not_for_all_of_them_together(gateway: Gateway, run: Run) -> None:
    """A watch of days outlives many restarts of the gateway."""
    draining = Refusal(grpc.StatusCode.UNAVAILABLE, "Age limit.", "DRAINING", pushback="60")
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), draining]] * 4 + [[event(State.SUCCEEDED)]]
    assert (await run("watch", NAME, "--timeout", "0.1")).code == 0


async def test_a_gateway_that_stays_away_ends_the_watch_and_says_that_nothing_is_lost(
    gateway: Gateway, run: Run
) -> None:
    away = Refusal(grpc.StatusCode.UNAVAILABLE, "Later.", "DRAINING", pushback="60000")
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), away]]
    ran = await run("watch", NAME)
    assert ran.code == 7
    assert f"{NAME} goes on all the same" in ran.err


@pytest.mark.parametrize(("code", "reason"), [("NOT_FOUND", "NOT_FOUND"), ("PERMISSION_DENIED", "TEAM_FORBIDDEN")])
async def test_a_refused_watch_is_not_tried_again(gateway: Gateway, run: Run, code: str, reason: str) -> None:
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), Refusal(grpc.StatusCode[code], "No.", reason)]]
    ran = await run("watch", NAME)
    assert ran.code == 3
    assert f"{reason}: No." in ran.err
    assert "goes on" not in ran.err


async def test_a_deleted_batch_job_ends_the_watch(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJob"] = [[pb.WatchEvent(deleted=pb.WatchEvent.Deleted(name=NAME)), asyncio.Event()]]
    ran = await run("watch", NAME)
    assert ran.code == 3
    assert f"{NAME} was deleted." in ran.err


async def test_json_is_a_line_for_each_change(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), event(State.PARTIALLY_SUCCEEDED)]]
    ran = await run("watch", NAME, "--output", "json")
    assert ran.code == 6
    assert [json.loads(line)["state"] for line in ran.out.splitlines()] == ["RUNNING", "PARTIALLY_SUCCEEDED"]
    assert ran.err == ""


async def test_submit_and_wait_prints_the_end_and_where_the_output_is(gateway: Gateway, run: Run) -> None:
    done = event(State.SUCCEEDED, output=pb.BatchJob.Output(gcs_directory="gs://out/x/prediction-1"))
    gateway.script["CreateBatchJob"] = [batch_job()] * 2
    gateway.script["WatchBatchJob"] = [[event(State.QUEUED), done]] * 2
    ran = await run(*SUBMIT, "--wait")
    assert ran.code == 0
    assert ran.out.splitlines()[1] == "gs://out/x/prediction-1"
    assert ran.err.splitlines()[0] == f"{NAME} was submitted."
    assert gateway.requests("WatchBatchJob")[0].name == NAME
    ran = await run(*SUBMIT, "--wait", "--output", "json")
    assert json.loads(ran.out)["state"] == "SUCCEEDED"


async def start(
    gateway: Gateway, *arguments: str, stderr: int = asyncio.subprocess.PIPE, env: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    """The installed program, in a process of its own."""
    where = {"BATCHJOBS_ENDPOINT": gateway.endpoint, "BATCHJOBS_TEAM": "ranking", "BATCHJOBS_INSECURE": "1"}
    return await asyncio.create_subprocess_exec(
        *(BATCHJOBS, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **where, **(env or {})},
    )


async def test_ctrl_c_stops_the_watching_and_not_the_batch_job(gateway: Gateway) -> None:
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), asyncio.Event()]]
    process = await start(gateway, "watch", NAME)
    assert process.stderr
    assert await process.stderr.readline() == b"RUNNING\n"
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    await gateway.stopped_watching.wait()
    assert process.returncode == 130
    assert f"{NAME} was not cancelled and goes on (RUNNING)" in err.decode()
    assert f"batchjobs cancel {NAME}" in err.decode()
    assert b"Traceback" not in err
    assert [method for method, *_ in gateway.asked] == ["WatchBatchJob"]


async def test_ctrl_c_during_a_create_prints_the_request_id(gateway: Gateway) -> None:
    """The gateway may have recorded it: only the id makes the next try safe."""
    asked = asyncio.Event()

    class Telling(list[asyncio.Event]):
        def pop(self, index: int = -1) -> asyncio.Event:
            asked.set()
            return super().pop(index)

    gateway.script["CreateBatchJob"] = Telling([asyncio.Event()])
    process = await start(gateway, *SUBMIT)
    await asked.wait()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    (request,) = gateway.requests("CreateBatchJob")
    assert process.returncode == 130
    assert f"--request-id {request.request_id}" in err.decode()
    assert b"Traceback" not in err


async def test_on_a_terminal_there_is_one_live_line(gateway: Gateway) -> None:
    release = asyncio.Event()
    rows = pb.BatchJob.Rows(succeeded=480)
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING, rows=rows), release, event(State.SUCCEEDED)]]
    ours, theirs = pty.openpty()
    try:
        process = await start(gateway, "watch", NAME, stderr=theirs)
        shown = await asyncio.to_thread(_read_until, ours, "480 ok")
        release.set()
        out, _ = await process.communicate()
    finally:
        os.close(theirs)
        os.close(ours)
    assert "RUNNING" in shown
    assert process.returncode == 0
    assert b"SUCCEEDED" in out


def _read_until(terminal: int, words: str) -> str:
    shown = ""
    while words not in shown:
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


async def test_the_command_starts_without_server_or_google_cloud_code() -> None:
    code = (
        "import sys, batchjobs.cli\n"
        "heavy = ('gateway', 'vertex_emulator', 'asyncpg', 'google.cloud', 'google.api_core', 'google.auth')\n"
        "print([name for name in sys.modules if name.startswith(tuple(f'{package}.' for package in heavy))])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == b"[]\n"


async def test_without_its_libraries_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['rich.console'] = None; from batchjobs.cli import main; main()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE)
    _, err = await process.communicate()
    assert process.returncode == 1
    assert b"pip install 'batch-jobs-gateway[cli]'" in err
