"""What the demo shows, scene by scene. Each one insists on what it says."""

import asyncio
import json
from collections import Counter

from batchjobs.v1 import batch_jobs_pb2 as pb
from examples.demo.caller import Caller, State
from examples.demo.show import NotAsPromisedError, insist, say, table
from examples.demo.stage import Stage

MODEL = "gemini-2.5-flash"
TICKETS = "gs://ranking-in/tickets.jsonl"
ROWS = 560


def batch_job(source: str, destination: str, **fields: str) -> pb.BatchJob:
    return pb.BatchJob(
        model=fields.pop("model", MODEL),
        gcs_source=pb.GcsSource(uri=source),
        gcs_destination=pb.GcsDestination(output_uri_prefix=destination),
        **fields,  # type: ignore[arg-type]  # only string fields are passed here
    )


def name_of(state: State.ValueType) -> str:
    return State.Name(state)


def rows_of(job: pb.BatchJob) -> str:
    rows = job.rows
    return f"{rows.succeeded} succeeded, {rows.failed} failed, {rows.incomplete} incomplete"


def history(job: pb.BatchJob) -> None:
    start = job.create_time.ToDatetime()
    rows = [
        [f"+{(t.time.ToDatetime() - start).total_seconds():.2f} s", name_of(t.state), t.reason, t.actor]
        for t in job.transitions
    ]
    table("its history", ["when", "state", "reason", "actor"], rows)


async def ends_well(stage: Stage) -> None:
    """A batch job of 560 rows, created, watched to its end, and its output read from Cloud Storage."""
    ranking = stage.caller("ranking")
    job = created = await ranking.create(batch_job(TICKETS, "gs://ranking-out/nightly", display_name="nightly tickets"))
    say(f"created {job.name}: {name_of(job.state)}, bound to pool {job.pool}; no region was given, so it was inferred")
    insist(job.state == State.QUEUED and job.effective_region == "us-central1", "the create did not answer QUEUED")
    seen = list[str]()
    async for job in ranking.watch(created.name):
        if not seen or seen[-1] != name_of(job.state):
            seen.append(name_of(job.state))
            say(f"watch: {seen[-1]}" + (f" ({job.vertex_job})" if seen[-1] == "PENDING" else ""))
    insist(job.state == State.SUCCEEDED, f"it ended {name_of(job.state)}: {job.error.message}")
    insist(job.rows.succeeded == ROWS, f"rows: {rows_of(job)}")
    history(job)
    say(f"output: {job.output.gcs_directory} ({rows_of(job)})")
    lines = await stage.read_output(job.output.gcs_directory)
    insist(len(lines) == ROWS, f"the output has {len(lines)} lines")
    table("three of its lines", ["asked", "answered", "tokens"], [shown(line) for line in lines[:3]])


def shown(line: str) -> list[str]:
    row = json.loads(line)
    asked = next(part["text"] for part in row["request"]["contents"][-1]["parts"] if "text" in part)
    answered = row["response"]["candidates"][0]["content"]["parts"][0]["text"]
    return [cut(asked), cut(answered), str(row["response"]["usageMetadata"]["totalTokenCount"])]


def cut(text: str, width: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


async def ends_partially(stage: Stage) -> None:
    """A batch job with a few rows that Vertex refuses: it ends partially, and its output says which and why."""
    ranking = stage.caller("ranking")
    job = await ranking.create(batch_job("gs://ranking-in/tickets-some-refused.jsonl", "gs://ranking-out/refused"))
    job = await ranking.until(job.name)
    say(f"{job.name}: {name_of(job.state)}, {rows_of(job)}")
    insist(job.state == State.PARTIALLY_SUCCEEDED, f"it ended {name_of(job.state)}")
    lines = [json.loads(line) for line in await stage.read_output(job.output.gcs_directory)]
    refused = [line["status"] for line in lines if line["status"]]
    insist(refused and len(refused) == job.rows.failed, f"{len(refused)} lines with a status, rows: {rows_of(job)}")
    for status, times in Counter(refused).items():
        say(f"{times} × {cut(status, 110)}")


async def wrong_region_is_refused(stage: Stage) -> None:
    """A region that the bucket is not in is refused at once, with both places named."""
    job = batch_job(TICKETS, "gs://ranking-out/nightly", region="europe-west4")
    refusal = await stage.caller("ranking").refused(job)
    insist(refusal and refusal.reason == "REGION_MISMATCH", f"not refused for its region: {refusal}")
    assert refusal  # insisted on above; for the type checker
    say(f"{refusal.code} {refusal.reason}: {refusal.message}")
    for violation in refusal.violations:
        say(f"- {violation}")
        insist("europe-west4" in violation and "us-central1" in violation.lower(), "the places are not both named")


async def foreign_bucket_is_refused(stage: Stage) -> None:
    """Another team's bucket is refused by the policy, whether or not the object exists."""
    job = batch_job("gs://search-in/queries.jsonl", "gs://ranking-out/stolen")
    refusal = await stage.caller("ranking").refused(job)
    insist(refusal and refusal.reason == "POLICY_VIOLATION", f"not refused by the policy: {refusal}")
    assert refusal  # insisted on above; for the type checker
    say(f"{refusal.code} {refusal.reason}: {refusal.message}")
    for violation in refusal.violations:
        say(f"- {violation}")


async def waits_in_the_queue(stage: Stage) -> None:
    """A team at its limit waits in the queue, is told why, and goes on by itself."""
    search = stage.caller("search")
    jobs = [await search.create(batch_job("gs://search-in/queries.jsonl", "gs://search-out/daily")) for _ in range(3)]
    last = jobs[-1]
    held = await held_back(search, last.name, "TEAM_LIMIT")
    say(f"{held.name}: {name_of(held.state)}, because TEAM_LIMIT, position {held.waiting.position}")
    done = await search.until(last.name)
    say(f"released by itself, and ended: {name_of(done.state)}")
    insist(done.state == State.SUCCEEDED, f"it ended {name_of(done.state)}")


async def held_back(caller: Caller, name: str, reason: str) -> pb.BatchJob:
    """The batch job as it waits for that reason. Reasons are worked out at most once a second, so it may take one."""
    while (job := await caller.get(name)).state == State.QUEUED:
        if pb.WaitingReason.Name(job.waiting.reason) == reason:
            return job
        await asyncio.sleep(0.1)
    raise NotAsPromisedError(f"{name} is {name_of(job.state)} and was never held back for {reason}")


async def is_cancelled(stage: Stage) -> None:
    """A running batch job is cancelled; what it finished stays."""
    ranking = stage.caller("ranking")
    job = await ranking.create(batch_job(TICKETS, "gs://ranking-out/cancelled"))
    await ranking.until(job.name, State.RUNNING)
    job = await ranking.cancel(job.name)
    say(f"cancel answered {name_of(job.state)}")
    insist(job.state == State.CANCELLING, "the cancel did not answer CANCELLING")
    job = await ranking.until(job.name)
    say(f"and Vertex ended it: {name_of(job.state)}, {rows_of(job)}")
    insist(job.state == State.CANCELLED, f"it ended {name_of(job.state)}")


async def stays_one(stage: Stage) -> None:
    """A create that is repeated under its request_id stays one batch job, and one Vertex job."""
    ads = stage.caller("ads")
    wanted = batch_job("gs://ads-in/ads.jsonl", "gs://ads-out/scores", model="flash", display_name="scores")
    names = {(await ads.create(wanted, request_id="scores-2026-11-22")).name for _ in range(5)}
    say(f"five creates under one request_id: {len(names)} batch job, {', '.join(names)}")
    insist(len(names) == 1, f"{len(names)} batch jobs")
    other = batch_job("gs://ads-in/ads.jsonl", "gs://ads-out/other", model="flash")
    refusal = await ads.refused(other, request_id="scores-2026-11-22")
    insist(refusal and refusal.reason == "REQUEST_ID_REUSED", f"other content was not refused: {refusal}")
    assert refusal  # insisted on above; for the type checker
    say(f"other content under it: {refusal.code} {refusal.reason}")
    job = await ads.until(names.pop())
    made = await stage.vertex_creates(job.name)
    say(f"Vertex creates for it, by the emulator's record: {made}")
    insist(job.state == State.SUCCEEDED and made == 1, f"{name_of(job.state)}, {made} creates")


async def survives_a_lost_answer(stage: Stage) -> None:
    """Vertex makes the job and its answer is lost: the gateway looks instead of sending again, so nobody pays twice."""
    ranking = stage.caller("ranking")
    await stage.script_fault(method="CreateBatchPredictionJob", kind="drop_answer", display_name="lost answer")
    wanted = batch_job("gs://ranking-in/tickets.jsonl", "gs://ranking-out/lost", display_name="lost answer")
    job = await ranking.create(wanted)
    job = await ranking.until(job.name)
    history(job)
    made = await stage.vertex_creates(job.name)
    say(f"{job.name}: {name_of(job.state)}; Vertex creates for it, by the emulator's record: {made}")
    insist(job.state == State.SUCCEEDED and made == 1, f"{name_of(job.state)}, {made} creates")


async def is_measured(stage: Stage) -> None:
    """All of that, as Prometheus sees it."""
    samples = await stage.metrics()
    shown_names = (
        "batchjobs_jobs_finished_total",
        "batchjobs_admissions_total",
        "batchjobs_rows_total",
        "batchjobs_pool_capacity",
        "batchjobs_duplicates_total",
    )
    rows = [
        [each.name, ", ".join(each.labels.values()), f"{each.value:g}"] for each in samples if each.name in shown_names
    ]
    table("some of /metrics", ["metric", "labels", "value"], rows)
    outcomes = {each.labels["outcome"] for each in samples if each.name == "batchjobs_jobs_finished_total"}
    for outcome in ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "CANCELLED"):
        insist(outcome in outcomes, f"no {outcome} in /metrics: {outcomes}")
    reasons = {each.labels["reason"] for each in samples if each.name == "batchjobs_admissions_total" and each.value}
    for reason in ("REGION_MISMATCH", "POLICY_VIOLATION", "REQUEST_ID_REUSED"):
        insist(reason in reasons, f"no {reason} in /metrics: {reasons}")
    duplicates = sum(each.value for each in samples if each.name == "batchjobs_duplicates_total")
    insist(duplicates == 0, f"{duplicates} duplicates")
