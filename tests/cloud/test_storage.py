"""Look-ups in Cloud Storage, over HTTP, against the emulator: places through Google's real client, sizes beside it.

Emulator and gateway share the test's event loop: a look-up that blocked it would never be answered.
"""

import asyncio
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.lookups import ForbiddenError, MissingError, UnavailableError
from gateway.cloud.storage import StoragePlaces
from gateway.domain.places import BucketPlace
from support.clock import DrivenClock
from vertex_emulator import ClockKind, Emulator, EmulatorConfig, Fault, FaultKind

SETTINGS = """
buckets:
  team-in: {location: europe-west4}
  team-multi: {location: eu}
  team-dual: {location: eur4}
  team-pair: {location: us, data_locations: [US-EAST4, US-WEST1]}
  team-closed: {forbidden: true}
"""
ROWS = b'{"request": {}}\n'
BRIEF = timedelta(milliseconds=300)


class Observer(list):
    def location_lookup(self, kind, result):
        self.append(f"{kind} {result}")


@pytest.fixture
def folder(tmp_path):
    for name in ("team-in", "team-multi", "team-dual", "team-pair", "team-closed"):
        (tmp_path / name).mkdir()
    (tmp_path / "buckets.yaml").write_text(SETTINGS)
    (tmp_path / "team-in" / "rows.jsonl").write_bytes(ROWS)
    return tmp_path


@pytest.fixture
async def emulator(folder):
    async with Emulator(EmulatorConfig(buckets=folder, clock=ClockKind.DRIVEN)) as running:
        yield running


@pytest.fixture
def seen():
    return Observer()


@pytest.fixture
async def connect(emulator, seen):
    """Makes warmed look-ups with the options that a test asks for."""
    made = []

    async def connect(clock=None, **options):
        places = StoragePlaces(LookupOptions(**{"endpoint": emulator.storage_url, **options}), seen, clock)
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
    ("bucket", "place"),
    [
        ("team-in", BucketPlace.of("EUROPE-WEST4", "region")),
        ("team-multi", BucketPlace.of("EU", "multi-region")),
        ("team-dual", BucketPlace.of("EUR4", "dual-region")),
        ("team-pair", BucketPlace.of("US", "dual-region", ["US-EAST4", "US-WEST1"])),
    ],
)
async def test_each_kind_of_bucket_is_placed(places, bucket, place):
    found = await places.bucket_place(bucket)
    assert (found.location, found.kind) == (place.location, place.kind)
    assert set(found.regions) == set(place.regions)


async def test_a_place_is_asked_for_once_and_the_next_one_told_from_memory(places, emulator, seen):
    await places.bucket_place("team-in")
    await places.bucket_place("team-in")
    assert len(emulator.calls.of("storage.buckets.get")) == 1
    assert seen == ["bucket found", "bucket cached"]


async def test_a_place_is_asked_for_again_when_its_lifetime_is_over(connect, emulator):
    clock = DrivenClock()
    places = await connect(clock, lifetime=timedelta(minutes=5))
    await places.bucket_place("team-in")
    clock.advance(299)
    await places.bucket_place("team-in")
    clock.advance(1)
    await places.bucket_place("team-in")
    assert len(emulator.calls.of("storage.buckets.get")) == 2


async def test_those_who_ask_together_cost_one_request(places, emulator):
    emulator.faults.add(Fault("storage.buckets.get", FaultKind.DELAY, seconds=60))
    asked = [asyncio.create_task(places.bucket_place("team-in")) for _ in range(20)]
    await emulator.calls.wait_for(lambda call: call.method == "storage.buckets.get")
    await emulator.driven_clock.advance(60)
    assert {place.location for place in await asyncio.gather(*asked)} == {"europe-west4"}
    assert len(emulator.calls.of("storage.buckets.get")) == 1


async def test_a_size_is_what_it_is_now_and_never_remembered(places, folder):
    assert await places.object_size("gs://team-in/rows.jsonl") == len(ROWS)
    (folder / "team-in" / "rows.jsonl").write_bytes(ROWS * 3)
    assert await places.object_size("gs://team-in/rows.jsonl") == 3 * len(ROWS)


@pytest.mark.parametrize("name", ["a b/ünï.jsonl", "100%.jsonl", "a%2Fb", "plus+and&=,;:@.jsonl"])
async def test_names_go_out_as_they_are(places, folder, name):
    """Neither decoded nor folded: `%2F` in a name is three characters, and another object than with a slash."""
    path = folder / "team-in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ROWS)
    assert await places.object_size(f"gs://team-in/{name}") == len(ROWS)


async def test_what_does_not_exist_is_missing(places, seen):
    with pytest.raises(MissingError) as bucket:
        await places.bucket_place("team-none")
    with pytest.raises(MissingError) as blob:
        await places.object_size("gs://team-in/none.jsonl")
    with pytest.raises(MissingError):
        await places.object_size("gs://team-none/rows.jsonl")
    assert (bucket.value.subject, blob.value.subject) == ("gs://team-none", "gs://team-in/none.jsonl")
    assert seen == ["bucket missing", "object missing", "object missing"]


async def test_a_bucket_that_is_made_after_the_refusal_is_found_at_once(places, folder):
    with pytest.raises(MissingError):
        await places.bucket_place("team-new")
    (folder / "team-new").mkdir()
    assert (await places.bucket_place("team-new")).location == "us-central1"


async def test_what_may_not_be_seen_is_forbidden(places, seen):
    with pytest.raises(ForbiddenError):
        await places.bucket_place("team-closed")
    with pytest.raises(ForbiddenError):
        await places.object_size("gs://team-closed/rows.jsonl")
    assert seen == ["bucket forbidden", "object forbidden"]


@pytest.mark.parametrize("status", ["429", "500", "502", "503"])
async def test_a_passing_trouble_is_retried_within_the_deadline(places, emulator, status):
    emulator.faults.add(Fault("storage.buckets.get", FaultKind.STATUS, code=status))
    assert (await places.bucket_place("team-in")).location == "europe-west4"
    assert len(emulator.calls.of("storage.buckets.get")) == 2


@pytest.mark.parametrize("code", ["429", "500", "503", "401", "no answer"])
async def test_a_trouble_that_stays_is_unavailable_and_says_when_to_ask_again(connect, emulator, seen, code):
    if code == "no answer":
        emulator.faults.add(Fault("storage.buckets.get", FaultKind.DROP_ANSWER, times=None))
    else:
        emulator.faults.add(Fault("storage.buckets.get", FaultKind.STATUS, code=code, times=None))
    places = await connect(deadline=BRIEF)
    with pytest.raises(UnavailableError) as caught:
        await places.bucket_place("team-in")
    assert caught.value.retry_after > timedelta(0)
    assert seen == ["bucket unavailable"]


@pytest.mark.parametrize("status", ["400", "412"])
async def test_a_refusal_that_repeating_does_not_help_is_not_unavailable(places, emulator, status):
    """Such as a bucket whose requester pays."""
    emulator.faults.add(Fault("storage.objects.get", FaultKind.STATUS, code=status, times=None))
    with pytest.raises(ForbiddenError, match=status):
        await places.object_size("gs://team-in/rows.jsonl")


async def test_a_hanging_service_is_unavailable_when_the_deadline_has_passed(connect, emulator):
    emulator.faults.add(Fault("storage.*.get", FaultKind.HANG, times=None))
    places = await connect(deadline=BRIEF)
    with pytest.raises(UnavailableError, match="in time"):
        await places.bucket_place("team-in")
    with pytest.raises(UnavailableError):
        await places.object_size("gs://team-in/rows.jsonl")


async def test_look_ups_that_wait_for_a_connection_have_the_same_deadline(connect, emulator):
    """A flood of hanging look-ups refuses; it does not queue without bound."""
    emulator.faults.add(Fault("storage.objects.get", FaultKind.HANG, times=None))
    places = await connect(deadline=BRIEF, connections=1)
    asked = [places.object_size(f"gs://team-in/{n}") for n in range(10)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {UnavailableError}


async def test_nobody_listening_is_unavailable(connect):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        places = await connect(endpoint=f"http://127.0.0.1:{held.getsockname()[1]}", deadline=BRIEF)
        with pytest.raises(UnavailableError):
            await places.bucket_place("team-in")


@pytest.mark.parametrize("body", [b"hello", b"{}", b'{"location": "EU"}'])
async def test_an_answer_that_is_no_answer_is_unavailable(connect, body):
    """Something else answers 200 at that address."""

    async def nonsense(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(nonsense, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        places = await connect(endpoint=f"http://127.0.0.1:{port}", deadline=BRIEF)
        with pytest.raises(UnavailableError):
            await places.bucket_place("team-in")
        with pytest.raises(UnavailableError):
            await places.object_size("gs://team-in/rows.jsonl")


def test_importing_the_module_does_not_import_googles_client():
    """It takes seconds, so it happens in `warm`, in a thread."""
    code = "import sys, gateway.cloud.storage as m; sys.exit('google.cloud.storage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


START = """
import asyncio, sys
from unittest.mock import Mock
from gateway.cloud.google_lookups import LookupOptions
from gateway.cloud.storage import StoragePlaces
async def main():
    places = StoragePlaces(LookupOptions("http://127.0.0.1:1"), Mock())
    await places.warm()
    assert "google.cloud.storage" in sys.modules
    assert "aiohttp" not in sys.modules
    await places.warm_sizes()
    assert "aiohttp" in sys.modules
    await places.close()
asyncio.run(main())
"""


def test_what_asks_for_sizes_is_not_imported_before_callers_are_served():
    assert subprocess.run([sys.executable, "-c", START], check=False, timeout=60).returncode == 0
