"""`gateway top`: what an operator sees of everything, by the API alone."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import time

import grpc
import pytest
from rich.console import Console, RenderableType
from rich.live import Live

from batchjobs.cli.connection import Connection
from batchjobs.client import BatchJobsError, Client, Unavailable
from batchjobs.client._failure import Failure
from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.cli import top
from gateway.cli.top_picture import Picture, look
from gateway.domain.states import State
from support.caller import batch_job
from support.gateway import Gateway


async def run(gateway: Gateway, *arguments: str, endpoint: str = "") -> subprocess.CompletedProcess[str]:
    """The command as a process of its own; a team in the environment is nothing to it."""
    command = [sys.executable, "-m", "gateway", "top", "--once", "--endpoint", endpoint or gateway.app.api_target]
    environment = {**os.environ, "BATCHJOBS_TEAM": "ranking", "BATCHJOBS_INSECURE": "1"}
    return await asyncio.to_thread(
        subprocess.run, [*command, *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture
async def busy(gateway: Gateway) -> Gateway:
    """Two teams: one batch job that runs, one that has ended, two that wait."""
    ranking, search = gateway.caller("ranking"), gateway.caller("search")
    running, ended, _ = [await ranking.create() for _ in range(3)]
    await search.create(
        batch_job(
            region="europe-west4",
            gcs_source=pb.GcsSource(uri="gs://search-in/rows.jsonl"),
            gcs_destination=pb.GcsDestination(output_uri_prefix="gs://search-out/results"),
        )
    )
    await gateway.move(running.name, State.SUBMITTING, State.PENDING, State.RUNNING)
    await gateway.move(ended.name, State.SUBMITTING, State.PENDING, State.RUNNING, State.SUCCEEDED)
    return gateway


async def test_a_look_counts_pools_and_teams_as_the_store_does(busy: Gateway):
    async with Client(busy.app.api_target, team="operator", insecure=True) as client:
        picture = await look(client)
    pools = {pool.name: (pool.capacity, pool.active, pool.queued) for pool in picture.pools}
    assert pools == {"corp-ml/us-central1": (4, 1, 1), "corp-ml/europe-west4": (2, 0, 1)}
    assert set(picture.usage) == {"ranking", "search"}
    assert [each.state for each in picture.active] == [pb.BatchJob.RUNNING]
    times = [event.time for event in picture.events]
    assert times == sorted(times, reverse=True)
    assert pb.BatchJob.SUCCEEDED in {event.state for event in picture.events}


async def test_one_page_holds_everything_for_a_ticket(busy: Gateway):
    result = await run(busy)
    assert result.returncode == 0, result.stderr
    for text in (
        "pools",
        "teams",
        "queue",
        "active",
        "events",
        "corp-ml/us-central1",
        "search",
        "RUNNING",
        "NO_LEADER",
    ):
        assert text in result.stdout
    assert "\x1b" not in result.stdout, "what is no terminal gets no colours"
    assert busy.app.api_target in result.stdout.splitlines()[0]


async def test_an_empty_gateway_has_an_empty_page(gateway: Gateway):
    result = await run(gateway)
    assert result.returncode == 0
    assert "active: none" in result.stdout


async def test_who_is_no_operator_is_refused(busy: Gateway):
    async with Client(busy.app.api_target, team="ranking", insecure=True) as client:
        with pytest.raises(BatchJobsError) as error:
            await look(client)
    assert error.value.reason == "ROLE_FORBIDDEN"


async def test_a_gateway_that_is_away_is_a_sentence_and_an_exit_code(gateway: Gateway):
    result = await run(gateway, "--timeout", "0.2", endpoint="127.0.0.1:1")
    assert result.returncode == 7
    assert "did not answer" in result.stderr
    assert result.stderr.count("trying again") <= 1, "however many calls a look makes"


async def test_while_the_gateway_is_away_the_last_page_stays_with_a_line_about_it(busy: Gateway):
    connection = Connection(busy.app.api_target, "operator", "text", 30, security=None, insecure=True)
    looks, shown = iter([look]), list[str]()

    async def look_once(client: Client) -> Picture:
        for first in looks:
            return await first(client)
        if len(shown) > 2:
            raise asyncio.CancelledError
        raise Unavailable(Failure(grpc.StatusCode.UNAVAILABLE, "nobody is there"))

    def update(_live: Live, renderable: RenderableType, **_: object) -> None:
        console = Console(width=200)
        with console.capture() as captured:
            console.print(renderable)
        shown.append(captured.get())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top, "look", look_once)
        patch.setattr(Live, "update", update)
        async with connection.client as client:
            with pytest.raises(asyncio.CancelledError):
                await top._live(client, connection, 0)
    first, away, *_ = shown
    assert "nobody is there" in away.splitlines()[0]
    assert first.splitlines() == away.splitlines()[1:]


async def test_on_a_terminal_it_goes_on_until_it_is_interrupted(busy: Gateway):
    """As over SSH: a real terminal, looked at while it is live, ended by Ctrl-C."""
    assert await asyncio.to_thread(_watch_live, busy.app.api_target) == ("RUNNING", 0)


def _watch_live(endpoint: str) -> tuple[str, int]:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "gateway", "top", "--interval", "0.5", "--endpoint", endpoint]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "60", "BATCHJOBS_INSECURE": "1"}
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    text, end = b"", time.monotonic() + 60
    try:
        while b"RUNNING" not in text and time.monotonic() < end:
            if select.select([leader], [], [], 1)[0]:
                text += os.read(leader, 65536)
        process.send_signal(signal.SIGINT)
        while process.poll() is None and time.monotonic() < end:
            if select.select([leader], [], [], 0.2)[0]:
                try:
                    os.read(leader, 65536)
                except OSError:  # The other end has closed.
                    break
        return "RUNNING" if b"RUNNING" in text else "", process.wait(20)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
