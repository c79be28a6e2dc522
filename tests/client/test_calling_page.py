"""docs/calling.md says what is so: its tables are made from the code, and all that it shows is run here."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from batchjobs.client._failure import DONE_NOTHING
from batchjobs.client._retry import REPEATED, pause
from batchjobs.client._watch import SILENCE_SECONDS
from batchjobs.v1 import batch_jobs_pb2 as pb
from batchjobs.v1.batch_jobs_pb2_grpc import BatchJobsStub
from client.scripted import NAME, Gateway, Refusal, State, batch_job
from client.test_secured import AUTHORITY, OURS, Start, sent, start
from gateway.policy.model import Quotas
from support.authority import Authority
from support.caller import Caller
from support.gateway import Gateway as WholeGateway
from support.gateway import StartGateway

__all__ = ["start"]  # a fixture
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/calling.md").read_text()
BATCHJOBS_FOLDER = str(Path(sys.executable).parent)
ENDPOINT = "127.0.0.1:8470"


def shown(heading: str, language: str) -> list[str]:
    """The blocks of a language under a heading."""
    (section,) = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^##+ |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def check(docs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/tools/calling.py"), "--check", "--docs", str(docs)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_tables_are_what_the_code_makes() -> None:
    done = check(ROOT / "docs")
    assert done.returncode == 0, done.stderr


def test_an_edited_table_or_a_missing_place_is_noticed(tmp_path: Path) -> None:
    page = Path(shutil.copy(ROOT / "docs/calling.md", tmp_path))
    page.write_text(PAGE.replace("| `NOT_ENDED` |", "| `NOT_FINISHED` |"))
    assert "make docs" in check(tmp_path).stderr
    page.write_text(PAGE.replace("<!-- made: exit-codes -->", ""))
    assert "exit-codes" in check(tmp_path).stderr


def test_what_the_text_says_in_words_is_so() -> None:
    assert {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"} == {code.name for code in REPEATED}
    assert set(re.findall(r"`(\w+)` \|", PAGE.split("## Quotas")[1].split("## Errors")[0])) == set(Quotas.__slots__)
    assert "CANCELLED that you did not ask for is as UNAVAILABLE" in PAGE
    for reason in DONE_NOTHING:
        assert reason in PAGE.split("say that nothing was done")[0].rsplit("\n\n", 1)[1]
    assert f"{SILENCE_SECONDS:.0f} seconds is dead" in PAGE
    codes = ("CANCELLED", "UNKNOWN", "INTERNAL", "ABORTED", "DATA_LOSS")
    again = {code.name for code in grpc.StatusCode if pause_of_a_stream(code)}
    assert again == {"UNAVAILABLE", "DEADLINE_EXCEEDED", *codes}


def pause_of_a_stream(code: grpc.StatusCode) -> bool:
    from batchjobs.client._failure import Failure

    return pause(Failure(code, ""), 0, 0.0, stream=True) is not None


async def ran(code: str, endpoint: str, folder: Path) -> str:
    """What an example prints that is started as a program of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", code.replace(ENDPOINT, endpoint)),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert err == b""
    return out.decode()


@pytest.fixture
async def whole(start_gateway: StartGateway) -> WholeGateway:
    """A whole gateway with what the examples name."""
    quick = {"pending_seconds": 0.1, "seconds_per_row": 0.001}
    whole = await start_gateway(emulator=quick)
    whole.write_rows("gs://ranking-in/tickets.jsonl", 5)
    return whole


async def test_submit_and_wait(whole: WholeGateway, tmp_path: Path) -> None:
    (code,) = shown("### Submit and wait", "python")
    first = await ran(code, whole.app.api_target, tmp_path)
    assert first.startswith("SUCCEEDED 5 rows in gs://ranking-out/nightly/prediction-model-")
    assert await ran(code, whole.app.api_target, tmp_path) == first, "the request id makes it the same batch job"


async def test_the_example_of_the_readme(whole: WholeGateway, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    said = await ran(code, whole.app.api_target, tmp_path)
    assert said.startswith("SUCCEEDED gs://ranking-out/nightly/prediction-model-")


async def test_errors(whole: WholeGateway, tmp_path: Path) -> None:
    (code,) = shown("### Errors", "python")
    said = await ran(code, whole.app.api_target, tmp_path)
    assert said.startswith("URI_NOT_ALLOWED batch_job.gcs_source.uri ")


async def test_everything_else(whole: WholeGateway, tmp_path: Path) -> None:
    created = await whole.caller("ranking").create(
        pb.BatchJob(
            model="flash",
            gcs_source=pb.GcsSource(uri="gs://ranking-in/tickets.jsonl"),
            gcs_destination=pb.GcsDestination(output_uri_prefix="gs://ranking-out/x"),
            labels={"run": "nightly"},
        )
    )
    (code,) = shown("### Everything else", "python")
    lines = (await ran(code, whole.app.api_target, tmp_path)).splitlines()
    assert lines[0].startswith(created.name)
    assert f"gone: {created.name}" in lines
    assert "('queued_jobs', 0)" in lines[-1]


async def test_following_a_team(gateway: Gateway, tmp_path: Path) -> None:
    """The example has no end of its own: here the gateway makes one, by taking the right away."""
    stop = Refusal(grpc.StatusCode.PERMISSION_DENIED, "No longer yours.", "TEAM_FORBIDDEN")
    expired = Refusal(grpc.StatusCode.OUT_OF_RANGE, "too old", "RESUME_TOKEN_EXPIRED")
    gone = pb.WatchEvent(deleted=pb.WatchEvent.Deleted(name=NAME), resume_token="t2", synced=True)
    told = pb.WatchEvent(batch_job=batch_job(State.RUNNING), resume_token="t1", synced=True)
    gateway.script["WatchBatchJobs"] = [[told, gone, stop], [expired], [told, stop]]
    (code,) = shown("### Follow a team", "python")
    code = code.replace("asyncio.run(main())", "try:\n    asyncio.run(main())\nexcept Exception as e:\n    print(e)")
    first = (await ran(code, gateway.endpoint, tmp_path)).splitlines()
    assert first == [
        f"{NAME} RUNNING",
        "what follows are changes",
        f"{NAME} deleted",
        "TEAM_FORBIDDEN: No longer yours.",
    ]
    second = (await ran(code, gateway.endpoint, tmp_path)).splitlines()
    assert second[0] == "told again from the beginning: too old"
    assert [request.resume_token for request in gateway.requests("WatchBatchJobs")] == ["", "t2", ""]


async def test_security(start: Start, tmp_path: Path) -> None:
    clients = Authority("clients' CA")
    secured = await start(demands=clients)
    secured.script["GetBatchJob"] = [batch_job(State.RUNNING)]
    await asyncio.to_thread(clients.issue(OURS).write, tmp_path, "client")
    await asyncio.to_thread((tmp_path / "ca.crt").write_bytes, AUTHORITY.pem)
    await asyncio.to_thread((tmp_path / "token").write_text, "a-token")
    (code,) = shown("### Identity", "python")
    said = await ran(code.replace("gateway.corp.example:8443", secured.endpoint), "", tmp_path)
    assert said == f"{State.RUNNING}\n"
    assert sent(secured) == ["Bearer a-token"]


async def test_the_command(whole: WholeGateway, tmp_path: Path) -> None:
    await asyncio.to_thread(shutil.copy, ROOT / "examples/buckets/search-in/queries.jsonl", tmp_path / "rows.jsonl")
    (script,) = shown("## The command", "sh")
    where = {"PATH": f"{BATCHJOBS_FOLDER}:{os.environ['PATH']}", "STORAGE_EMULATOR_HOST": whole.emulator.storage_url}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euc", script.replace(ENDPOINT, whole.app.api_target)),
        cwd=tmp_path,
        env={**os.environ, **where},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().count("SUCCEEDED") == 3
    assert "queued_jobs" in out.decode()


@pytest.fixture
def config() -> str:
    (text,) = shown("## Other languages", "json")
    return text


def test_the_service_config_names_every_call_but_those_that_the_text_leaves_out(config: str) -> None:
    (method,) = json.loads(config)["methodConfig"]
    named = {each["method"] for each in method["name"]}
    every = {each.name for each in pb.DESCRIPTOR.services_by_name["BatchJobs"].methods}
    assert every - named == {"DeleteBatchJob", "WatchBatchJob", "WatchBatchJobs"}


async def test_the_service_config_makes_grpc_repeat_what_it_may(gateway: Gateway, config: str) -> None:
    away = Refusal(grpc.StatusCode.UNAVAILABLE, "Away.", "STORE_UNAVAILABLE", pushback="1")
    left = Refusal(grpc.StatusCode.CANCELLED, "")
    never = Refusal(grpc.StatusCode.UNAVAILABLE, "Unclear.", "STORE_UNAVAILABLE", pushback="-1")
    quota = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "Full.", "QUOTA_EXCEEDED", pushback="1")
    gateway.script["CreateBatchJob"] = [away, left, batch_job(), never, quota]
    gateway.script["DeleteBatchJob"] = [away, Empty()]
    options = (("grpc.service_config", config), ("grpc.enable_retries", 1))
    async with grpc.aio.insecure_channel(gateway.endpoint, options=options) as channel:
        stub = Caller(channel, "ranking").stub
        request = pb.CreateBatchJobRequest(parent="teams/ranking", request_id="r")
        assert (await stub.CreateBatchJob(request)).name == NAME
        for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.CreateBatchJob(request)
            assert caught.value.code() is code
        with pytest.raises(grpc.aio.AioRpcError):
            await BatchJobsStub(channel).DeleteBatchJob(pb.DeleteBatchJobRequest(name=NAME))
    assert len(gateway.requests("CreateBatchJob")) == 5
    assert len(gateway.requests("DeleteBatchJob")) == 1
