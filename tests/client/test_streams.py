"""Standard output and the error stream that cannot be written, on every command: sentences and exit codes."""

import asyncio
import os
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, SUBMIT, Gateway, State, batch_job, event, live
from client.test_watch import BATCHJOBS

FULL = Path("/dev/full")
CANNOT = "Standard output cannot be written: No space left on device."

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")

COMMANDS = {
    "submit": (*SUBMIT,),
    "submit --wait": (*SUBMIT, "--wait"),
    "submit --validate-only": (*SUBMIT, "--validate-only"),
    "get": ("get", NAME),
    "list": ("list",),
    "watch": ("watch", NAME),
    "watch a team": ("watch",),
    "cancel": ("cancel", NAME),
    "delete": ("delete", NAME),
    "usage": ("usage",),
}
"""Every command that calls the gateway."""

LOCAL = {"completion": ("completion", "bash"), "help": ("--help",), "version": ("--version",)}


@pytest.fixture
def answering(gateway: Gateway) -> Gateway:
    """Answers every call once."""
    gateway.script |= {
        "CreateBatchJob": [batch_job()],
        "GetBatchJob": [batch_job()],
        "ListBatchJobs": [pb.ListBatchJobsResponse(batch_jobs=[batch_job()])],
        "WatchBatchJob": [[event(State.RUNNING), event(State.SUCCEEDED)]],
        "WatchBatchJobs": [[live("t1", State.RUNNING), live("t2", State.SUCCEEDED)]],
        "CancelBatchJob": [batch_job(State.CANCELLED)],
        "DeleteBatchJob": [Empty()],
        "GetTeamUsage": [pb.TeamUsage(name="teams/ranking/usage", allowed_models=["gemini-*"])],
    }
    return gateway


def environment(gateway: Gateway) -> dict[str, str]:
    """As users have it, with buffered streams: what a failed write leaves in a buffer is written again at the end."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return kept | {"BATCHJOBS_ENDPOINT": gateway.endpoint, "BATCHJOBS_TEAM": "ranking", "BATCHJOBS_INSECURE": "1"}


async def ended(gateway: Gateway, redirected: str, *arguments: str) -> tuple[int, str]:
    """Run the program with its streams redirected as a shell does; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'exec "$0" "$@" {redirected}', BATCHJOBS, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(gateway),
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_full_disk_under_standard_output_is_one_sentence(answering: Gateway, command: str, output: str) -> None:
    code, said = await ended(answering, ">/dev/full", *COMMANDS[command], "--output", output)
    assert code == 1, said
    assert said.count(CANNOT) == 1
    assert "Traceback" not in said
    assert "Exception" not in said


@pytest.mark.parametrize("command", LOCAL)
async def test_so_it_is_where_nothing_is_asked_of_the_gateway(gateway: Gateway, command: str) -> None:
    assert await ended(gateway, ">/dev/full", *LOCAL[command]) == (1, f"{CANNOT}\n")


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ("submit", f"{NAME} was submitted."),
        ("submit --wait", f"{NAME} ended SUCCEEDED."),
        ("watch", f"{NAME} ended SUCCEEDED."),
        ("cancel", f"{NAME}  CANCELLED"),
        ("delete", f"{NAME}  deleted"),
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
async def test_what_was_done_is_said_all_the_same(answering: Gateway, command: str, fact: str, output: str) -> None:
    """The name of a batch job that was submitted must not be lost. Of a watch as JSON the first line is what fails."""
    _, said = await ended(answering, ">/dev/full", *COMMANDS[command], "--output", output)
    assert fact in said or (command, output) == ("watch", "json")


@pytest.mark.parametrize("command", [*COMMANDS, "usage error"])
async def test_an_error_stream_that_cannot_be_written_changes_no_exit_code(answering: Gateway, command: str) -> None:
    arguments, expected = COMMANDS.get(command, ("fly",)), {"usage error": 2, "watch a team": 7}.get(command, 0)
    patience = ("--timeout", "0.5") if command == "watch a team" else ()
    code, _ = await ended(answering, "2>/dev/full", *arguments, *patience)
    assert code == expected


async def test_with_its_standard_output_closed_nothing_is_sent(gateway: Gateway) -> None:
    """A connection would take the place of the closed stream, and receive what is meant for it."""
    assert await ended(gateway, ">&-", *SUBMIT) == (2, "Standard output is closed. Nothing was done.\n")
    assert gateway.asked == []


async def test_without_an_error_stream_a_command_works(answering: Gateway) -> None:
    assert await ended(answering, "2>&-", *SUBMIT, "--wait") == (0, "")


async def test_a_reader_that_has_gone_changes_no_exit_code(answering: Gateway) -> None:
    """`head` may be done before the batch job is; how that ended still counts."""
    answering.script["WatchBatchJob"] = [[event(State.FAILED)]]
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        BATCHJOBS, *SUBMIT, "--wait", stdout=write, stderr=asyncio.subprocess.PIPE, env=environment(answering)
    )
    os.close(write)
    _, said = await process.communicate()
    assert process.returncode == 5
    assert f"{NAME} ended FAILED." in said.decode()
