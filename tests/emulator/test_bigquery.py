"""BigQuery's routes, as Google's own client uses them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st

from emulator.helpers import in_thread
from emulator.tables import bigquery_client, make_tables, write_table
from vertex_emulator import ConfigError, Emulator, EmulatorConfig, Fault, FaultKind
from vertex_emulator.bigquery.columns import Column, infer, outgoing
from vertex_emulator.bigquery.datasets import Datasets

RIVERS = "corp-ml.team_in.rivers"


@pytest.fixture
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture
async def emulator(start: Any, tables: Path) -> Emulator:
    return await start(tables=tables)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[bigquery.Client]:
    client = bigquery_client(emulator)
    yield client
    client.close()


async def rows_of(client: bigquery.Client, table: Any, **options: Any) -> list[dict[str, Any]]:
    return await in_thread(lambda: [dict(each) for each in client.list_rows(table, **options)])


@pytest.mark.parametrize(
    ("dataset", "location"),
    [("team_in", "us-central1"), ("europe", "europe-west4"), ("history", "US")],
)
async def test_a_dataset_says_where_it_lies_in_bigquerys_own_case(client: Any, dataset: str, location: str) -> None:
    assert (await in_thread(client.get_dataset, f"corp-ml.{dataset}")).location == location


async def test_a_table_says_what_it_is_how_large_it_is_and_which_columns_it_has(client: Any, tables: Path) -> None:
    table = await in_thread(client.get_table, RIVERS)
    assert (table.table_type, table.location, table.num_rows) == ("TABLE", "us-central1", 10)
    assert table.num_bytes == (tables / "corp-ml/team_in/rivers.jsonl").stat().st_size
    assert [(field.name, field.field_type) for field in table.schema] == [
        ("id", "INTEGER"),
        ("river", "STRING"),
        ("request", "JSON"),
    ]


@pytest.mark.parametrize(("name", "kind"), [("recent", "VIEW"), ("sheet", "EXTERNAL"), ("empty", "TABLE")])
async def test_what_the_settings_name_is_there_without_a_file(client: Any, name: str, kind: str) -> None:
    table = await in_thread(client.get_table, f"corp-ml.team_in.{name}")
    assert (table.table_type, table.num_rows) == (kind, 0)


@pytest.mark.parametrize(
    "missing",
    [
        "corp-ml.team_in.none",
        "corp-ml.none.rivers",
        "corp-none.team_in.rivers",
        "corp-ml.team_in.x" + "y" * 300,
        "corp-ml.team_in.ünï",
    ],
)
async def test_what_is_not_there_is_not_found(client: Any, missing: str) -> None:
    with pytest.raises(exceptions.NotFound, match="Not found"):
        await in_thread(client.get_table, missing)


async def test_a_missing_dataset_is_not_found(client: Any) -> None:
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset corp-ml:none"):
        await in_thread(client.get_dataset, "corp-ml.none")


async def test_a_forbidden_dataset_and_what_is_in_it_are_denied(client: Any) -> None:
    for ask, name in ((client.get_dataset, "corp-ml.closed"), (client.get_table, "corp-ml.closed.rivers")):
        with pytest.raises(exceptions.Forbidden) as denied:
            await in_thread(ask, name)
        assert denied.value.errors[0]["reason"] == "accessDenied"


async def test_a_project_of_a_domain_is_one_like_any_other(emulator: Emulator, tables: Path) -> None:
    (tables / "example.com:old" / "d").mkdir(parents=True)
    write_table(tables / "example.com:old", "d.t", [{"id": 1}])
    client = bigquery_client(emulator)
    reference = bigquery.DatasetReference("example.com:old", "d").table("t")
    assert (await in_thread(client.get_table, reference)).num_rows == 1
    client.close()


async def test_datasets_and_tables_can_be_listed(client: Any) -> None:
    datasets = await in_thread(lambda: [each.dataset_id for each in client.list_datasets()])
    assert datasets == ["europe", "history", "team_in", "team_out"]
    listed = await in_thread(lambda: {each.table_id: each.table_type for each in client.list_tables("team_in")})
    assert listed == {"empty": "TABLE", "recent": "VIEW", "rivers": "TABLE", "sheet": "EXTERNAL"}


async def test_rows_come_out_in_their_types_page_by_page(client: Any, emulator: Emulator) -> None:
    rows = await rows_of(client, RIVERS, page_size=3)
    assert [each["id"] for each in rows] == list(range(10))
    assert rows[4]["request"] == {"contents": [{"role": "user", "parts": [{"text": "Tell me about river 4"}]}]}
    assert len(emulator.calls.of("bigquery.tabledata.list")) == 4


async def test_rows_can_be_read_from_somewhere_on_and_with_some_columns(client: Any) -> None:
    table = await in_thread(client.get_table, RIVERS)
    assert [each["id"] for each in await rows_of(client, table, start_index=8)] == [8, 9]
    [only] = await rows_of(client, table, selected_fields=[table.schema[1]], max_results=1)
    assert only == {"river": "river 0"}


async def test_a_view_has_no_rows_to_list(client: Any) -> None:
    with pytest.raises(exceptions.BadRequest, match="VIEW"):
        await rows_of(client, "corp-ml.team_in.recent", selected_fields=[bigquery.SchemaField("id", "INTEGER")])


async def test_a_table_that_is_made_takes_rows_in_and_gives_them_back(client: Any, tables: Path) -> None:
    schema = [
        bigquery.SchemaField(name, kind)
        for name, kind in {
            "name": "STRING", "count": "INT64", "share": "FLOAT64", "good": "BOOL", "at": "TIMESTAMP", "more": "JSON",
        }.items()
    ]  # fmt: skip
    made = await in_thread(client.create_table, bigquery.Table("corp-ml.team_out.mine", schema=schema))
    row = {
        "name": "ünï",
        "count": 2**60,
        "share": 0.25,
        "good": False,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "more": {"a": [1, None]},
    }
    nothing = dict.fromkeys(row)
    assert await in_thread(client.insert_rows, made, [row, nothing]) == []
    assert await rows_of(client, "corp-ml.team_out.mine") == [row, nothing]
    assert json.loads((tables / "corp-ml/team_out/mine.jsonl").read_text().splitlines()[0])["name"] == "ünï"
    await in_thread(client.delete_table, made)
    with pytest.raises(exceptions.NotFound):
        await in_thread(client.get_table, made)


@pytest.mark.parametrize("name", [RIVERS, "corp-ml.team_in.recent"])
async def test_a_table_is_made_once(client: Any, name: str) -> None:
    with pytest.raises(exceptions.Conflict, match="Already Exists"):
        await in_thread(client.create_table, bigquery.Table(name))


@pytest.mark.parametrize("field", [("a", "RECORD"), ("a", "STRING", "REPEATED"), ("a", "GEOGRAPHY")])
async def test_columns_that_are_not_plain_are_refused(client: Any, field: tuple[str, ...]) -> None:
    table = bigquery.Table("corp-ml.team_out.mine", schema=[bigquery.SchemaField(*field)])
    with pytest.raises(exceptions.BadRequest, match="plain columns"):
        await in_thread(client.create_table, table)


async def test_of_rows_sent_together_all_are_taken_or_none(client: Any) -> None:
    table = await in_thread(client.get_table, RIVERS)
    errors = await in_thread(client.insert_rows_json, table, [{"id": 10}, {"id": "x"}, {"colour": "blue"}])
    assert [(each["index"], each["errors"][0]["message"]) for each in errors] == [
        (1, "'x' is no INTEGER"),
        (2, "no such field: colour."),
    ]
    assert (await in_thread(client.get_table, RIVERS)).num_rows == 10


async def test_a_file_that_is_changed_by_hand_is_read_afresh(client: Any, tables: Path) -> None:
    write_table(tables, RIVERS, [{"id": 1.5}])
    table = await in_thread(client.get_table, RIVERS)
    assert (table.num_rows, [field.field_type for field in table.schema]) == (1, ["FLOAT"])
    (tables / "tables.yaml").write_text("datasets: {corp-ml.team_in: {location: asia-east1}}")
    assert (await in_thread(client.get_dataset, "corp-ml.team_in")).location == "asia-east1"


async def test_a_broken_settings_file_changes_nothing(client: Any, tables: Path) -> None:
    (tables / "tables.yaml").write_text("datasets: [")
    assert (await in_thread(client.get_dataset, "corp-ml.europe")).location == "europe-west4"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("datasets: []", "must be a map"),
        ("views: {}", "datasets"),
        ("datasets: {a.b: {colour: blue}}", "a.b.colour: unknown key"),
        ("tables: {a.b.c: {type: PICTURE}}", "a.b.c.type"),
        ("tables: {a.b.c: 5}", "a.b.c"),
        ("- 1", "datasets"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_start(tmp_path: Path, settings: str, why: str) -> None:
    (tmp_path / "tables.yaml").write_text(settings)
    with pytest.raises(ConfigError, match=why):
        Datasets(tmp_path)


async def test_a_line_that_is_no_row_is_told_with_its_number(client: Any, tables: Path) -> None:
    path = tables / "corp-ml/team_in/rivers.jsonl"
    path.write_text('{"id": 1}\nnot a row\n')
    with pytest.raises(exceptions.InternalServerError, match="line 2"):
        await in_thread(lambda: list(client.list_rows(RIVERS, retry=None)))


async def test_nothing_outside_the_folder_is_a_dataset_or_a_table(client: Any, tables: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jsonl").write_text('{"id": 1}\n')
    (tables / "corp-ml" / "linked").symlink_to(outside)
    (tables / "corp-ml" / "team_in" / "linked.jsonl").symlink_to(outside / "secret.jsonl")
    for name in ("corp-ml.linked.secret", "corp-ml.team_in.linked"):
        with pytest.raises(exceptions.NotFound):
            await in_thread(client.get_table, name)


async def test_trouble_can_befall_a_table_by_its_name(client: Any, emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(
            "bigquery.tables.get",
            FaultKind.STATUS,
            code="403",
            reason="rateLimitExceeded",
            resource="corp-ml/team_in/rivers",
        ),
    )
    assert (await in_thread(client.get_table, "corp-ml.europe.rivers")).num_rows == 10
    assert emulator.faults
    with pytest.raises(exceptions.Forbidden) as refused:
        await in_thread(lambda: client.get_table(RIVERS, retry=None))
    assert refused.value.errors[0]["reason"] == "rateLimitExceeded"


async def test_without_a_folder_there_are_no_datasets(start: Any) -> None:
    client = bigquery_client(await start())
    with pytest.raises(exceptions.NotFound):
        await in_thread(client.get_dataset, "corp-ml.team_in")
    assert await in_thread(lambda: list(client.list_datasets())) == []
    client.close()


async def test_queries_are_not_served_and_say_so(client: Any) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="not served here"):
        await in_thread(lambda: client.query("SELECT 1", retry=None, job_retry=None))


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), plain | st.lists(plain, max_size=2)), max_size=5))
def test_every_value_survives_the_way_out_in_the_type_that_its_column_has(rows: list[dict[str, Any]]) -> None:
    """Read back as Google's client reads it."""
    read = {"STRING": str, "INTEGER": int, "FLOAT": float, "BOOLEAN": "true".__eq__, "JSON": json.loads}
    for column in infer(rows):
        for row in rows:
            value = row.get(column.name)
            sent = outgoing(value, column.type, timestamps_as_integers=True)
            back = None if sent is None else read[column.type](sent)
            assert back == value or math.isclose(back, value)


def test_a_column_without_any_value_is_text() -> None:
    assert infer([{"a": None}]) == (Column("a", "STRING"),)


def test_a_timestamp_may_go_out_in_seconds() -> None:
    sent = outgoing("2026-01-01T00:00:00.5+00:00", "TIMESTAMP", timestamps_as_integers=False)
    assert float(sent or "") == datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC).timestamp()


def test_the_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    Emulator(EmulatorConfig(buckets=tmp_path / "b", tables=tmp_path / "t"))
    assert (tmp_path / "t").is_dir()
