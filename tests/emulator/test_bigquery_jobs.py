"""Jobs that read from tables and write into tables, through Google's own clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.aiplatform_v1.types import JobState
from google.rpc import error_details_pb2

from emulator.helpers import PARENT, details_of, in_thread, job, output_rows, row
from emulator.tables import bigquery_client, make_tables, write_table
from vertex_emulator import Emulator
from vertex_emulator.rows.process import RowSettings, process_row

GLOBAL = "projects/corp-ml/locations/global"
RIVERS = "bq://corp-ml.team_in.rivers"
RESULTS = "bq://corp-ml.team_out.results"


@pytest.fixture
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture
async def emulator(start: Any, tables: Path) -> Emulator:
    return await start(tables=tables)


@pytest.fixture
def bq(emulator: Emulator) -> Iterator[bigquery.Client]:
    client = bigquery_client(emulator)
    yield client
    client.close()


def from_table(uri: str = RIVERS) -> dict[str, Any]:
    return {"input_config": {"instances_format": "bigquery", "bigquery_source": {"input_uri": uri}}}


def to_table(uri: str = RESULTS) -> dict[str, Any]:
    return {"output_config": {"predictions_format": "bigquery", "bigquery_destination": {"output_uri": uri}}}


async def run(emulator: Emulator, client: Any, parent: str = PARENT, **changes: Any) -> Any:
    made = await client.create_batch_prediction_job(parent=parent, batch_prediction_job=job(**changes))
    assert made.state == JobState.JOB_STATE_PENDING
    await emulator.driven_clock.advance(3600)
    return await client.get_batch_prediction_job(name=made.name)


async def rows_of(client: bigquery.Client, table: str) -> list[dict[str, Any]]:
    return await in_thread(lambda: [dict(each) for each in client.list_rows(table)])


async def test_a_job_reads_a_table_and_writes_one_that_is_made_with_the_columns_carried_over(
    emulator: Emulator, client: Any, bq: bigquery.Client
) -> None:
    done = await run(emulator, client, **from_table(), **to_table())
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert done.completion_stats.successful_count == 10
    assert done.output_info.bigquery_output_dataset == "bq://corp-ml.team_out"
    assert done.output_info.bigquery_output_table == "results"
    table = await in_thread(bq.get_table, "corp-ml.team_out.results")
    assert {field.name: field.field_type for field in table.schema} == {
        "request": "JSON",
        "response": "JSON",
        "status": "STRING",
        "processed_time": "TIMESTAMP",
        "id": "INTEGER",
        "river": "STRING",
    }
    rows = await rows_of(bq, "corp-ml.team_out.results")
    assert sorted(each["id"] for each in rows) == list(range(10))
    for each in rows:
        assert each["river"] == f"river {each['id']}"
        assert each["request"]["contents"][0]["parts"][0]["text"].endswith(each["river"])
        assert each["river"] in each["response"]["candidates"][0]["content"]["parts"][0]["text"]
        assert each["status"] == ""
        assert each["processed_time"].tzinfo is not None


async def test_a_request_may_be_text_that_holds_json(
    emulator: Emulator, client: Any, bq: bigquery.Client, tables: Path
) -> None:
    good = json.dumps(row("Tell me about the Danube")["request"])
    write_table(tables, "corp-ml.team_in.texts", [{"id": 1, "request": good}, {"id": 2, "request": "{no JSON"}])
    done = await run(emulator, client, **from_table("bq://corp-ml.team_in.texts"), **to_table())
    assert done.state == JobState.JOB_STATE_PARTIALLY_SUCCEEDED
    by_id = {each["id"]: each for each in await rows_of(bq, "corp-ml.team_out.results")}
    assert by_id[1]["request"] == json.loads(good)
    assert by_id[2]["request"] == "{no JSON"
    assert by_id[2]["status"].startswith("Bad Request")
    assert by_id[2]["response"] == {}


def test_in_a_file_a_request_that_is_text_stays_refused() -> None:
    settings = RowSettings("gemini-2.5-flash", has_object=lambda _: True)
    line = json.dumps({"request": json.dumps(row("Hello")["request"])}).encode()
    assert process_row(line, 1, settings, "now").refusal


async def test_columns_that_are_not_plain_or_have_the_outputs_names_are_not_carried(
    emulator: Emulator, client: Any, tables: Path
) -> None:
    rows = [{"id": 1, "tags": ["a"], "status": "mine", **row("Hello")}]
    write_table(tables, "corp-ml.team_in.odd", rows)
    done = await run(emulator, client, **from_table("bq://corp-ml.team_in.odd"), **to_table())
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    [written] = (tables / "corp-ml/team_out/results.jsonl").read_text().splitlines()
    assert set(json.loads(written)) == {"id", "request", "response", "status", "processed_time"}
    assert json.loads(written)["status"] == ""


async def test_a_job_may_read_a_table_and_write_a_file(emulator: Emulator, client: Any, folder: Path) -> None:
    done = await run(emulator, client, **from_table())
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert not done.output_info.bigquery_output_table
    assert sorted(each["id"] for each in output_rows(folder, done)) == list(range(10))


async def test_a_job_may_read_a_file_and_write_a_table(emulator: Emulator, client: Any, bq: bigquery.Client) -> None:
    done = await run(emulator, client, **to_table())
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert not done.output_info.gcs_output_directory
    rows = await rows_of(bq, "corp-ml.team_out.results")
    assert len(rows) == 10
    assert set(rows[0]) == {"request", "response", "status", "processed_time"}


async def test_a_table_that_is_there_gets_rows_added(emulator: Emulator, client: Any, bq: bigquery.Client) -> None:
    for _ in range(2):
        assert (await run(emulator, client, **from_table(), **to_table())).state == JobState.JOB_STATE_SUCCEEDED
    assert len(await rows_of(bq, "corp-ml.team_out.results")) == 20


async def test_a_job_that_is_paused_goes_on_in_the_same_table(start: Any, connect: Any, tables: Path) -> None:
    emulator = await start(tables=tables, seconds_per_row=1)
    client = connect(emulator)
    made = await client.create_batch_prediction_job(
        parent=PARENT, batch_prediction_job=job(**from_table(), **to_table())
    )
    await emulator.driven_clock.advance(5)
    await emulator.console.pause(made.name)
    await emulator.console.resume(made.name)
    await emulator.driven_clock.advance(60)
    written = (tables / "corp-ml/team_out/results.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in written) == list(range(10))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (from_table("bq://corp-ml.none.rivers"), "Dataset corp-ml:none was not found in location us-central1"),
        (from_table("bq://corp-ml.team_in.none"), "Not found: Table corp-ml:team_in.none"),
        (from_table("bq://corp-ml.europe.rivers"), "corp-ml:europe was not found in location us-central1"),
        (from_table("bq://corp-ml.history.rivers"), "corp-ml:history was not found in location us-central1"),
        (from_table("bq://corp-ml.closed.rivers"), "Access Denied: Dataset corp-ml:closed"),
        (from_table("bq://corp-ml.team_in.recent"), "is a VIEW"),
        (from_table("bq://corp-ml.team_in.sheet"), "is a EXTERNAL"),
        (from_table("bq://corp-ml.team_in.empty"), "no rows"),
        (to_table("bq://corp-ml.none.results"), "export data to bq://corp-ml.none.results. Not found: Dataset"),
        (to_table("bq://corp-ml.history.results"), "was not found in location us-central1"),
        (to_table("bq://corp-ml.team_in.recent"), "is a VIEW"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_table_is_noticed_after_acceptance(
    emulator: Emulator, client: Any, changes: dict[str, Any], why: str
) -> None:
    failed = await run(emulator, client, **changes)
    assert failed.state == JobState.JOB_STATE_FAILED
    assert failed.error.code == 3
    assert why in failed.error.message


@pytest.mark.parametrize(
    "uri",
    ["", "bq://corp-ml", "bq://corp-ml.team_in", "corp-ml.team_in.rivers", "bq://corp-ml.team_in.*", "gs://team-in/x"],
)
async def test_a_uri_that_names_no_table_is_refused_at_create(client: Any, uri: str) -> None:
    for changes, field in ((from_table(uri), "input_config"), (to_table(uri), "output_config")):
        with pytest.raises(exceptions.InvalidArgument) as refused:
            await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes))
        violations = details_of(refused.value, error_details_pb2.BadRequest).field_violations
        assert any(field in violation.field for violation in violations)


async def test_formats_must_be_those_of_the_service(client: Any) -> None:
    for changes in (from_table(), to_table()):
        [config] = changes.values()
        for name in ("instances_format", "predictions_format"):
            if name in config:
                config[name] = "jsonl"
        with pytest.raises(exceptions.InvalidArgument, match="use 'bigquery'"):
            await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(**changes))


async def test_at_the_global_location_tables_are_refused_or_taken_from_anywhere(
    start: Any, connect: Any, tables: Path
) -> None:
    anywhere = {**from_table("bq://corp-ml.history.rivers"), **to_table("bq://corp-ml.europe.results")}
    client = connect(await start(tables=tables))
    with pytest.raises(exceptions.InvalidArgument, match="location global"):
        await client.create_batch_prediction_job(parent=GLOBAL, batch_prediction_job=job(**anywhere))
    allowing = await start(tables=tables, global_bigquery=True)
    done = await run(allowing, connect(allowing), GLOBAL, **anywhere)
    assert done.state == JobState.JOB_STATE_SUCCEEDED


async def test_a_table_of_a_project_of_a_domain_can_be_read_and_written(
    emulator: Emulator, client: Any, tables: Path
) -> None:
    (tables / "example.com:old" / "d").mkdir(parents=True)
    write_table(tables / "example.com:old", "d.rivers", [row("Hello")])
    done = await run(
        emulator, client, **from_table("bq://example.com:old.d.rivers"), **to_table("bq://example.com:old.d.results")
    )
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert done.output_info.bigquery_output_dataset == "bq://example.com:old.d"


async def test_a_table_may_be_larger_than_a_file(start: Any, connect: Any, tables: Path) -> None:
    emulator = await start(tables=tables, max_input_bytes=10)
    client = connect(emulator)
    assert (await run(emulator, client)).state == JobState.JOB_STATE_FAILED
    assert (await run(emulator, client, **from_table())).state == JobState.JOB_STATE_SUCCEEDED
    few = await start(tables=tables, max_rows=9)
    assert (await run(few, connect(few), **from_table())).state == JobState.JOB_STATE_FAILED
