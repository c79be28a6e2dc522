"""A backup by PostgreSQL's own tools, restored after Vertex has gone on: nothing is sent twice, and ends are found."""

import asyncio
import subprocess

from gateway.store import migrate
from support.caller import State, refusal
from support.database import run_sql


def tool(server, name, *arguments, **options):
    """A program of the server's own version; the answer is what it prints."""
    command = [server._binaries.path(name), *arguments]
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


async def test_what_vertex_finished_after_the_backup_is_found_and_nothing_is_sent_twice(start_gateway, postgres):
    """One batch job runs when the backup is made, one is queued, and one is created after it and so forgotten."""
    quick = {"poll_interval": "100ms", "dispatch_interval": "100ms"}
    first = await start_gateway(emulator={"run_seconds": 3.0}, **quick)
    first.write_rows("gs://ranking-in/rows.jsonl")
    caller = first.caller("ranking")
    running = await caller.create(request_id="running")
    watch = caller.watch(running.name)
    await watch.until(State.RUNNING)
    team = caller.watch_team()
    while not (event := await team.event()).synced:
        pass
    token = event.resume_token

    backup = await asyncio.to_thread(tool, postgres, "pg_dump", "--format=custom", first.database_url)
    ended = await watch.until(State.SUCCEEDED)
    forgotten = await caller.create(request_id="after")
    await first.app.stop()

    await run_sql(postgres.url, "CREATE DATABASE restored")
    url = postgres.database_url("restored")
    await asyncio.to_thread(tool, postgres, "pg_restore", "--dbname", url, input=backup)
    await migrate.restored(url)
    same = {
        "vertex_emulator": first.emulator.target,
        "storage_endpoint": first.emulator.storage_url,
        "database_url": url,
    }
    second = await start_gateway(**quick, **same)
    again = second.caller("ranking")
    found = await again.watch(running.name).until(State.SUCCEEDED)
    assert (found.attempts, found.vertex_job) == (1, ended.vertex_job)
    assert (await refusal(again.get(forgotten.name))).reason == "NOT_FOUND"
    assert (await refusal(again.watch_team(token).event())).reason == "RESUME_TOKEN_EXPIRED"
    replayed = await again.create(request_id="running")
    assert replayed.name == running.name
    await second.app.stop()
    await run_sql(postgres.url, "DROP DATABASE restored WITH (FORCE)")
