"""What the demo shows of BigQuery, scene by scene."""

from batchjobs.v1 import batch_jobs_pb2 as pb
from examples.demo.caller import State
from examples.demo.scenes import MODEL, cut, name_of, rows_of
from examples.demo.show import insist, say, table
from examples.demo.stage import Stage

TICKETS = "bq://corp-ml.ranking_in.tickets"
SORTED = "bq://corp-ml.ranking_out.sorted_tickets"
ROWS = 60


def over_tables(source: str, destination: str = SORTED, region: str = "") -> pb.BatchJob:
    return pb.BatchJob(
        model=MODEL,
        region=region,
        bigquery_source=pb.BigQuerySource(table=source),
        bigquery_destination=pb.BigQueryDestination(table=destination),
    )


async def ends_well_in_a_table(stage: Stage) -> None:
    """A batch job from one BigQuery table into another, which is made, and its rows read with Google's client."""
    ranking = stage.caller("ranking")
    job = await ranking.create(over_tables(TICKETS))
    say(f"created {job.name}; its region follows from the datasets: {job.effective_region}")
    insist(job.effective_region == "us-central1", "the region was not inferred")
    job = await ranking.until(job.name)
    say(f"{name_of(job.state)}, {rows_of(job)}; output: {job.output.bigquery_table}")
    insist(job.state == State.SUCCEEDED, f"it ended {name_of(job.state)}: {job.error.message}")
    insist(job.output.bigquery_table == SORTED, f"its output is {job.output}")
    rows = await stage.read_table(job.output.bigquery_table)
    insist(len(rows) == job.rows.succeeded == ROWS, f"{len(rows)} rows in the table, {rows_of(job)}")
    insist(all(row["product"] and row["ticket_id"] for row in rows), "the source's columns are not carried over")
    answers = [row["response"]["candidates"][0]["content"]["parts"][0]["text"] for row in rows[:3]]
    shown = [[str(row["ticket_id"]), row["product"], cut(text)] for row, text in zip(rows, answers, strict=False)]
    table("three of its rows", ["ticket_id", "product", "answered"], shown)


async def wrong_dataset_region_is_refused(stage: Stage) -> None:
    """A BigQuery dataset in another region is refused at once, not hours later by Vertex, with both places named."""
    job = over_tables("bq://corp-ml.ranking_europe.tickets", region="us-central1")
    await _refused(stage, job, "REGION_MISMATCH", "europe-west4", "us-central1")


async def multi_region_dataset_is_refused(stage: Stage) -> None:
    """So is a dataset in the multi-region US, in which us-central1 lies: Vertex does not take those, and it says so."""
    job = over_tables("bq://corp-ml.ranking_archive.tickets", region="us-central1")
    await _refused(stage, job, "REGION_MISMATCH", "the multi-region US", "does not take BigQuery datasets")


async def view_is_refused(stage: Stage) -> None:
    """A view is refused: it could read tables that the team has no right to."""
    job = over_tables("bq://corp-ml.ranking_in.recent_tickets")
    await _refused(stage, job, "SOURCE_NOT_A_TABLE", "is a view, not a table")


async def _refused(stage: Stage, job: pb.BatchJob, reason: str, *words: str) -> None:
    """Insist that the create is refused for that reason, in a sentence that holds the words."""
    refusal = await stage.caller("ranking").refused(job)
    insist(refusal and refusal.reason == reason, f"not refused with {reason}: {refusal}")
    assert refusal  # insisted on above; for the type checker
    say(f"{refusal.code} {refusal.reason}: {refusal.message}")
    insist(all(word in refusal.message for word in words), f"it does not say {', '.join(words)}")
