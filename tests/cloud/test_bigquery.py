"""Look-ups through Google's real BigQuery client, over HTTP, against the emulator.

Emulator and gateway share the test's event loop: a look-up that blocked it would never be answered.
"""

import asyncio
import json
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from gateway.cloud.bigquery import BigQueryPlaces
from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.lookups import ForbiddenError, MissingError, UnavailableError
from gateway.domain.datasets import DatasetPlace, TableFacts
from support.clock import DrivenClock
from vertex_emulator import ClockKind, Emulator, EmulatorConfig, Fault, FaultKind

SETTINGS = """
datasets:
  corp.europe: {location: Europe-West4}
  corp.multi: {location: EU}
  corp.closed: {forbidden: true}
tables:
  corp.data.view: {type: VIEW}
  corp.data.sheet: {type: EXTERNAL}
  corp.data.kept: {type: MATERIALIZED_VIEW}
  corp.data.frozen: {type: SNAPSHOT}
"""
ROWS = b'{"request": {}}\n{"request": {}}\n'
TABLE = "bq://corp.data.rows"
BRIEF = timedelta(milliseconds=300)


class Observer(list):
    def location_lookup(self, kind, result):
        self.append(f"{kind} {result}")


@pytest.fixture
def folder(tmp_path):
    for dataset in ("data", "europe", "multi", "closed"):
        (tmp_path / "tables" / "corp" / dataset).mkdir(parents=True)
        (tmp_path / "tables" / "corp" / dataset / "rows.jsonl").write_bytes(ROWS)
    (tmp_path / "tables" / "tables.yaml").write_text(SETTINGS)
    return tmp_path / "tables"


@pytest.fixture
async def emulator(folder, tmp_path):
    config = EmulatorConfig(buckets=tmp_path / "buckets", tables=folder, clock=ClockKind.DRIVEN)
    async with Emulator(config) as running:
        yield running


@pytest.fixture
def seen():
    return Observer()


@pytest.fixture
async def connect(emulator, seen):
    """Makes warmed look-ups with the options that a test asks for."""
    made = []

    async def connect(clock=None, **options):
        places = BigQueryPlaces(LookupOptions(**{"endpoint": emulator.bigquery_url, **options}), seen, clock)
        made.append(places)
        await places.warm()
        return places

    yield connect
    for places in made:
        await places.close()


@pytest.fixture
async def places(connect):
    return await connect()


@pytest.mark.parametrize(
    ("dataset", "location"), [("data", "us-central1"), ("europe", "europe-west4"), ("multi", "eu")]
)
async def test_a_dataset_is_placed_by_its_location_in_lower_case(places, dataset, location):
    assert await places.dataset_place(f"bq://corp.{dataset}.rows") == DatasetPlace(location)


async def test_a_place_is_asked_for_once_whatever_the_table_and_told_from_memory_then(places, emulator, seen):
    await places.dataset_place("bq://corp.data.rows")
    await places.dataset_place("bq://corp.data.not_there_yet")
    assert len(emulator.calls.of("bigquery.datasets.get")) == 1
    assert seen == ["dataset found", "dataset cached"]


async def test_a_place_is_asked_for_again_when_its_lifetime_is_over(connect, emulator):
    clock = DrivenClock()
    places = await connect(clock, lifetime=timedelta(minutes=5))
    await places.dataset_place(TABLE)
    clock.advance(299)
    await places.dataset_place(TABLE)
    clock.advance(1)
    await places.dataset_place(TABLE)
    assert len(emulator.calls.of("bigquery.datasets.get")) == 2


async def test_of_more_datasets_than_are_kept_the_one_not_used_for_longest_goes(connect, emulator):
    places = await connect(cached_places=2)
    for dataset in ("data", "europe", "data", "multi", "data", "europe"):
        await places.dataset_place(f"bq://corp.{dataset}.rows")
    asked = [call.request["dataset"] for call in emulator.calls.of("bigquery.datasets.get")]
    assert asked == ["data", "europe", "multi", "europe"]


async def test_those_who_ask_together_cost_one_request(places, emulator):
    emulator.faults.add(Fault("bigquery.datasets.get", FaultKind.DELAY, seconds=60))
    asked = [asyncio.create_task(places.dataset_place(f"bq://corp.europe.t{n}")) for n in range(20)]
    await emulator.calls.wait_for(lambda call: call.method == "bigquery.datasets.get")
    await emulator.driven_clock.advance(60)
    assert {place.location for place in await asyncio.gather(*asked)} == {"europe-west4"}
    assert len(emulator.calls.of("bigquery.datasets.get")) == 1


async def test_what_a_table_holds_is_what_it_is_now_and_never_remembered(places, folder, seen):
    assert await places.table_facts(TABLE) == TableFacts("TABLE", len(ROWS), 2)
    (folder / "corp" / "data" / "rows.jsonl").write_bytes(ROWS * 3)
    assert await places.table_facts(TABLE) == TableFacts("TABLE", 3 * len(ROWS), 6)
    assert seen == ["table found", "table found"]


@pytest.mark.parametrize(
    ("name", "kind"), [("view", "VIEW"), ("sheet", "EXTERNAL"), ("kept", "MATERIALIZED_VIEW"), ("frozen", "SNAPSHOT")]
)
async def test_what_is_no_table_says_what_it_is(places, name, kind):
    assert await places.table_facts(f"bq://corp.data.{name}") == TableFacts(kind)


@pytest.mark.parametrize("name", ["a b", "ünï-2026", "UPPER", "_"])
async def test_names_go_out_as_they_are(places, folder, name):
    (folder / "corp" / "data" / f"{name}.jsonl").write_bytes(ROWS)
    assert (await places.table_facts(f"bq://corp.data.{name}")).rows == 2


async def test_a_project_of_a_domain_is_asked_for_by_its_whole_name(places, folder):
    (folder / "example.com:old" / "d").mkdir(parents=True)
    (folder / "example.com:old" / "d" / "t.jsonl").write_bytes(ROWS)
    assert (await places.dataset_place("bq://example.com:old.d.t")).location == "us-central1"
    assert (await places.table_facts("bq://example.com:old.d.t")).rows == 2


async def test_what_does_not_exist_is_missing(places, seen):
    with pytest.raises(MissingError) as dataset:
        await places.dataset_place("bq://corp.none.rows")
    with pytest.raises(MissingError) as table:
        await places.table_facts("bq://corp.data.none")
    assert (dataset.value.subject, table.value.subject) == ("bq://corp.none", "bq://corp.data.none")
    assert seen == ["dataset missing", "table missing"]


async def test_a_dataset_that_is_made_after_the_refusal_is_found_at_once(places, folder):
    with pytest.raises(MissingError):
        await places.dataset_place("bq://corp.later.rows")
    (folder / "corp" / "later").mkdir()
    assert (await places.dataset_place("bq://corp.later.rows")).location == "us-central1"


async def test_what_may_not_be_seen_is_forbidden(places, seen):
    with pytest.raises(ForbiddenError):
        await places.dataset_place("bq://corp.closed.rows")
    with pytest.raises(ForbiddenError):
        await places.table_facts("bq://corp.closed.rows")
    assert seen == ["dataset forbidden", "table forbidden"]


@pytest.mark.parametrize(("status", "reason"), [("429", ""), ("500", ""), ("503", ""), ("403", "rateLimitExceeded")])
async def test_a_passing_trouble_is_retried_within_the_deadline(places, emulator, status, reason):
    emulator.faults.add(Fault("bigquery.datasets.get", FaultKind.STATUS, code=status, reason=reason))
    assert (await places.dataset_place(TABLE)).location == "us-central1"
    assert len(emulator.calls.of("bigquery.datasets.get")) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("429", ""),
        ("500", ""),
        ("503", ""),
        ("401", ""),
        ("403", "rateLimitExceeded"),
        ("403", "quotaExceeded"),
        ("", ""),
    ],
)
async def test_a_trouble_that_stays_is_unavailable_and_says_when_to_ask_again(connect, emulator, seen, code, reason):
    """A 403 may be about how often is asked, not about rights: whoever owns the table can do nothing about it."""
    if code:
        fault = Fault("bigquery.tables.get", FaultKind.STATUS, code=code, reason=reason, times=None)
    else:
        fault = Fault("bigquery.tables.get", FaultKind.DROP_ANSWER, times=None)
    emulator.faults.add(fault)
    places = await connect(deadline=BRIEF)
    with pytest.raises(UnavailableError) as caught:
        await places.table_facts(TABLE)
    assert caught.value.retry_after > timedelta(0)
    assert seen == ["table unavailable"]


async def test_a_refusal_that_repeating_does_not_help_is_not_unavailable(places, emulator):
    """Such as a project where BigQuery is not enabled."""
    emulator.faults.add(Fault("bigquery.tables.get", FaultKind.STATUS, code="400", times=None))
    with pytest.raises(ForbiddenError, match="400"):
        await places.table_facts(TABLE)


async def test_a_hanging_service_is_unavailable_when_the_deadline_has_passed(connect, emulator):
    emulator.faults.add(Fault("bigquery.*.get", FaultKind.HANG, times=None))
    places = await connect(deadline=BRIEF)
    with pytest.raises(UnavailableError, match="in time"):
        await places.dataset_place(TABLE)
    with pytest.raises(UnavailableError):
        await places.table_facts(TABLE)


async def test_look_ups_that_wait_for_a_thread_have_the_same_deadline(connect, emulator):
    """A flood of hanging look-ups refuses; it does not queue without bound."""
    emulator.faults.add(Fault("bigquery.tables.get", FaultKind.HANG, times=None))
    places = await connect(deadline=BRIEF, threads=1)
    asked = [places.table_facts(f"bq://corp.data.t{n}") for n in range(10)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {UnavailableError}


async def test_nobody_listening_is_unavailable(connect):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        places = await connect(endpoint=f"http://127.0.0.1:{held.getsockname()[1]}", deadline=BRIEF)
        with pytest.raises(UnavailableError):
            await places.dataset_place(TABLE)


@pytest.fixture
async def answering(connect):
    """Makes look-ups in something else that answers 200 with the same body whatever it is asked."""
    servers = []

    async def answering(body):
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            kind = "Content-Type: application/json\r\nConnection: close"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{kind}\r\n\r\n".encode() + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return await connect(endpoint=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", deadline=BRIEF)

    yield answering
    for server in servers:
        server.close()
        await server.wait_closed()


REFERENCE = {"datasetReference": {"projectId": "corp", "datasetId": "data"}}
TABLE_REFERENCE = {"tableReference": {"projectId": "corp", "datasetId": "data", "tableId": "rows"}}


@pytest.mark.parametrize(
    "body", [b"hello", b"{}", b"[]", json.dumps({**REFERENCE, **TABLE_REFERENCE, "type": "TABLE"}).encode()]
)
async def test_an_answer_that_is_no_answer_is_unavailable(answering, body):
    places = await answering(body)
    with pytest.raises(UnavailableError):
        await places.dataset_place(TABLE)
    with pytest.raises(UnavailableError):
        await places.table_facts(TABLE)


async def test_rows_that_still_stream_in_are_counted_as_bigquery_estimates_them(answering):
    stored = {"type": "TABLE", "numBytes": "100", "numRows": "10"}
    buffer = {"streamingBuffer": {"estimatedBytes": "7", "estimatedRows": "2"}}
    places = await answering(json.dumps({**TABLE_REFERENCE, **stored, **buffer}).encode())
    assert await places.table_facts(TABLE) == TableFacts("TABLE", 107, 12)


async def test_something_without_a_type_is_no_table(answering):
    places = await answering(json.dumps({**TABLE_REFERENCE, "numBytes": "1", "numRows": "1"}).encode())
    assert (await places.table_facts(TABLE)).kind != "TABLE"


@pytest.mark.parametrize("module", ["gateway.cloud.bigquery", "gateway.app"])
def test_importing_the_module_does_not_import_googles_client(module):
    """It takes memory that a gateway whose teams use no tables never needs."""
    code = f"import sys, {module}; sys.exit('google.cloud.bigquery' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
