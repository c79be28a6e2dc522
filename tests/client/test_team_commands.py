"""Watching a whole team, the team's usage, and completion, by the command."""

import asyncio
import json
import shutil
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from batchjobs.cli import completion
from batchjobs.client import TeamUsage
from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, Gateway, Refusal, Run, State, batch_job, live
from client.test_watch import start

Code = grpc.StatusCode
STOP = Refusal(Code.PERMISSION_DENIED, "No longer yours.", "TEAM_FORBIDDEN")
DRAINING = Refusal(Code.UNAVAILABLE, "Again.", "DRAINING", retry_after=timedelta(milliseconds=1), pushback="1")
EXPIRED = Refusal(Code.OUT_OF_RANGE, "The token is too old.", "RESUME_TOKEN_EXPIRED")
DELETED = pb.WatchEvent(
    deleted=pb.WatchEvent.Deleted(name="teams/ranking/batchJobs/1", revision=5), resume_token="t5", synced=True
)


async def test_without_a_name_every_change_of_the_team_is_a_line(gateway: Gateway, run: Run) -> None:
    at = Timestamp(seconds=61)
    gateway.script["WatchBatchJobs"] = [
        [
            live("t1", State.QUEUED, 1, update_time=at, waiting=pb.BatchJob.Waiting(reason=pb.POOL_FULL, position=3)),
            DRAINING,
        ],
        [live("t2", State.RUNNING, 1, update_time=at, rows=pb.BatchJob.Rows(succeeded=7)), DELETED, STOP],
    ]
    ran = await run("watch")
    first, second, third = ran.out.splitlines()
    assert first == "1970-01-01 00:01:01 UTC  1  QUEUED · POOL_FULL, 3 before it"
    assert second == "1970-01-01 00:01:01 UTC  1  RUNNING · 7 ok"
    assert third.endswith("  1  deleted")
    assert ran.err.splitlines() == [
        "1 open batch job; changes follow (Ctrl-C stops).",
        "DRAINING, watching again in 0.0 s",
        "TEAM_FORBIDDEN: No longer yours.",
        "Go on from here, missing nothing, with:",
        "  batchjobs watch --resume-token t5",
    ]
    assert ran.code == 3


async def test_going_on_from_a_token_it_says_how_many_have_changed_since(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJobs"] = [[live("", State.RUNNING, 1), live("", State.RUNNING, 2), DELETED, STOP]]
    ran = await run("watch", "--resume-token", "t1")
    assert ran.err.splitlines()[0] == "3 batch jobs changed since then; changes follow (Ctrl-C stops)."


async def test_json_is_a_line_for_each_event_with_its_token(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJobs"] = [[EXPIRED], [live("t1", State.RUNNING, 1), DELETED, STOP]]
    ran = await run("watch", "--output", "json", "--resume-token", "old")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [sorted(line) for line in lines] == [
        ["resume_token", "started_over"],
        ["batch_job", "resume_token"],
        ["resume_token", "synced"],
        ["deleted", "resume_token"],
    ]
    assert [line["resume_token"] for line in lines] == ["", "t1", "t1", "t5"]
    assert lines[1]["batch_job"]["state"] == "RUNNING"
    assert lines[3]["deleted"] == {"name": "teams/ranking/batchJobs/1", "revision": "5"}
    assert [request.resume_token for request in gateway.requests("WatchBatchJobs")] == ["old", ""]


async def test_a_token_that_is_too_old_starts_over_and_says_so(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJobs"] = [[EXPIRED], [live("t1", State.RUNNING, 1), STOP]]
    ran = await run("watch", "--resume-token", "old")
    assert "Starting over, some changes were not shown: The token is too old." in ran.err
    assert "RUNNING" in ran.out


async def test_a_gateway_that_stays_away_leaves_the_way_back(gateway: Gateway, run: Run) -> None:
    gateway.script["WatchBatchJobs"] = [[live("it's", State.RUNNING, 1), DRAINING]] + [[DRAINING]] * 1000
    ran = await run("watch", "--timeout", "0.05")
    assert ran.code == 7
    assert """  batchjobs watch --resume-token 'it'"'"'s'""" in ran.err


async def test_a_token_is_for_a_team(gateway: Gateway, run: Run) -> None:
    ran = await run("watch", NAME, "--resume-token", "t")
    assert ran.code == 2
    assert "--resume-token is for watching a whole team" in ran.err
    assert (await run("watch", "--team", "")).code == 2
    assert gateway.asked == []


async def test_ctrl_c_ends_the_watch_and_says_how_to_go_on(gateway: Gateway) -> None:
    gateway.script["WatchBatchJobs"] = [[live("t1", State.RUNNING, 1), asyncio.Event()]]
    process = await start(gateway, "watch")
    assert process.stdout
    assert b"RUNNING" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert "Stopped watching." in err.decode()
    assert "--resume-token t1" in err.decode()
    assert b"Traceback" not in err


USAGE = TeamUsage(
    name="teams/ranking/usage",
    limits=[
        TeamUsage.Limit(quota="active_jobs", limit=6, used=2, mode=TeamUsage.Limit.ENFORCE),
        TeamUsage.Limit(
            quota="jobs_per_day", limit=500, used=1500, mode=TeamUsage.Limit.SHADOW, reset_time=Timestamp(seconds=86400)
        ),
        TeamUsage.Limit(quota="queued_jobs", limit=0, used=0, mode=9),  # type: ignore[arg-type]  # a mode of a newer gateway
        TeamUsage.Limit(quota="input_bytes_per_day", used=7, mode=TeamUsage.Limit.ENFORCE),
    ],
    pools=[
        TeamUsage.Pool(
            pool="corp-ml/us-central1",
            capacity=8,
            active=2,
            queued=4,
            waiting=pb.BatchJob.Waiting(reason=pb.TEAM_LIMIT, position=0),
            recent_median_wait=Duration(seconds=754),
        )
    ],
    allowed_models=["gemini-*"],
    allowed_regions=["us-central1"],
    source_patterns=["gs://ranking-in/**"],
    destination_patterns=["gs://ranking-out/\x1b[2J"],
)


async def test_usage_shows_quotas_pools_and_what_is_allowed(gateway: Gateway, run: Run) -> None:
    gateway.script["GetTeamUsage"] = [USAGE]
    ran = await run("usage")
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "active_jobs 2 6 enforce" in lines
    assert "jobs_per_day 1,500 500 shadow 1970-01-02 00:00:00 UTC" in lines
    assert {"queued_jobs 0 0 ?", "input_bytes_per_day 7 none"} <= set(lines)
    assert "corp-ml/us-central1 8 2 4 12:34 TEAM_LIMIT, next in line" in lines
    assert {"gemini-*", "us-central1", "gs://ranking-in/**"} <= set(lines)
    assert "\x1b" not in ran.out


async def test_usage_as_json_is_the_contract_s_own(gateway: Gateway, run: Run) -> None:
    gateway.script["GetTeamUsage"] = [USAGE]
    ran = await run("usage", "--output", "json")
    assert json_format.Parse(ran.out, TeamUsage()) == USAGE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_is_a_script_of_the_shell(run: Run, shell: str) -> None:
    ran = await run("completion", shell)
    assert ran.code == 0
    assert "_BATCHJOBS_COMPLETE" in ran.out
    if program := shutil.which(shell):
        process = await asyncio.create_subprocess_exec(program, "-n", stdin=asyncio.subprocess.PIPE)
        await process.communicate(ran.out.encode())
        assert process.returncode == 0


@pytest.fixture
def completed(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Awaitable[list[str]]]:
    """What the program offers a shell that asks it to complete these words."""
    monkeypatch.setattr(completion, "SECONDS", 60.0)
    monkeypatch.setenv("_BATCHJOBS_COMPLETE", "bash_complete")

    async def completed(words: str, cursor: int) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(cursor))
        ran = await run()
        assert ran.err == ""
        return [line.partition(",")[2] for line in ran.out.splitlines() if line]

    return completed


async def test_commands_options_and_names_are_completed(
    gateway: Gateway, completed: Callable[[str, int], Awaitable[list[str]]]
) -> None:
    page = pb.ListBatchJobsResponse(batch_jobs=[batch_job(), batch_job(name="teams/ranking/batchJobs/99")])
    gateway.script["ListBatchJobs"] = [page, page]
    assert await completed("batchjobs ca", 1) == ["cancel"]
    assert "--resume-token" in await completed("batchjobs watch --re", 2)
    assert await completed("batchjobs get 1", 2) == ["174873600000012345"]
    assert await completed("batchjobs watch teams/ranking/batchJobs/9", 2) == ["teams/ranking/batchJobs/99"]


async def test_a_gateway_that_is_away_completes_nothing_and_prints_nothing(
    gateway: Gateway, completed: Callable[[str, int], Awaitable[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.stop()
    monkeypatch.setattr(completion, "SECONDS", 0.1)
    assert await completed("batchjobs get 1", 2) == []
