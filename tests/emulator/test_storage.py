"""Cloud Storage through Google's own client: buckets, objects, uploads, downloads, and names that lead astray."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from google.api_core import exceptions
from google.cloud import storage
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from emulator.helpers import in_thread
from vertex_emulator import ConfigError, Emulator, EmulatorConfig
from vertex_emulator.storage.buckets import Bucket, Buckets
from vertex_emulator.storage.multipart import parse_multipart
from vertex_emulator.storage.objects import BadObjectNameError, path_of
from vertex_emulator.storage.places import Location
from vertex_emulator.storage.ranges import RangeNotSatisfiableError, parse_range
from vertex_emulator.storage.routes import open_for_reading

QUARTER_MEGABYTE = 256 * 1024


@pytest.mark.parametrize(
    ("settings", "location", "kind", "members"),
    [
        ("", "US-CENTRAL1", "region", []),
        ("location: europe-west4", "EUROPE-WEST4", "region", []),
        ("location: EU", "EU", "multi-region", []),
        ("location: nam4", "NAM4", "dual-region", []),
        ("location: US, data_locations: [us-east1, US-WEST1]", "US", "dual-region", ["US-EAST1", "US-WEST1"]),
    ],
)
async def test_a_bucket_tells_where_it_lies(
    emulator: Emulator, gcs: storage.Client, folder: Path, settings: str, location: str, kind: str, members: list[str]
) -> None:
    (folder / "buckets.yaml").write_text(f"buckets: {{team-in: {{{settings}}}}}")
    bucket = await in_thread(gcs.get_bucket, "team-in")
    assert (bucket.location, bucket.location_type, list(bucket.data_locations or [])) == (location, kind, members)


async def test_a_bucket_made_by_hand_is_there_at_once(emulator: Emulator, gcs: storage.Client, folder: Path) -> None:
    with pytest.raises(exceptions.NotFound):
        await in_thread(gcs.get_bucket, "dropped-in")
    (folder / "dropped-in").mkdir()
    (folder / "dropped-in" / "hello.txt").write_text("hello")
    await in_thread(gcs.get_bucket, "dropped-in")
    assert await in_thread(gcs.bucket("dropped-in").blob("hello.txt").download_as_bytes) == b"hello"


@pytest.mark.parametrize(
    ("fields", "told"), [("size", {"size"}), ("size,md5Hash,none", {"size", "md5Hash"}), ("", None)]
)
async def test_metadata_can_be_asked_for_in_part(
    emulator: Emulator, folder: Path, fields: str, told: set[str] | None
) -> None:
    (folder / "team-in" / "hello.txt").write_text("hello")
    url = f"{emulator.storage_url}/storage/v1/b/team-in/o/hello.txt?fields={fields}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        found = await answer.json()
    assert found["size"] == "5"
    assert set(found) == told if told else {"crc32c", "name", "updated"} <= set(found)


async def test_a_forbidden_bucket_is_forbidden_for_everything(
    emulator: Emulator, gcs: storage.Client, folder: Path
) -> None:
    (folder / "buckets.yaml").write_text("buckets: {team-in: {forbidden: true}}")
    blob = gcs.bucket("team-in").blob("input.jsonl")
    for act in (
        lambda: gcs.get_bucket("team-in"),
        blob.reload,
        blob.download_as_bytes,
        blob.delete,
        lambda: blob.upload_from_string("x"),
        lambda: list(gcs.list_blobs("team-in")),
    ):
        with pytest.raises(exceptions.Forbidden):
            await in_thread(act)
    assert [bucket.name for bucket in await in_thread(lambda: list(gcs.list_buckets()))] == ["team-out"]


@pytest.mark.parametrize("name", ["Team", "a", ".uploads", "x" * 300, "team%20in", "team-in%00", "%C3%BC"])
async def test_a_name_that_is_no_buckets_is_not_found(emulator: Emulator, name: str) -> None:
    async with aiohttp.ClientSession() as session:
        answer = await session.get(URL(f"{emulator.storage_url}/storage/v1/b/{name}", encoded=True))
        assert answer.status == 404


async def test_an_object_goes_up_and_comes_down_whole(emulator: Emulator, gcs: storage.Client) -> None:
    content = os.urandom(100_000) + b"\r\n--boundary--\r\n\x00"
    blob = gcs.bucket("team-in").blob("deep/folder/ünïcode name.bin")
    await in_thread(blob.upload_from_string, content, checksum="md5")
    assert await in_thread(blob.download_as_bytes, checksum="crc32c") == content
    await in_thread(blob.reload)
    assert blob.size == len(content)
    assert blob.crc32c
    assert blob.md5_hash
    assert blob.generation


async def test_an_empty_object_is_an_object(emulator: Emulator, gcs: storage.Client) -> None:
    blob = gcs.bucket("team-in").blob("empty")
    await in_thread(blob.upload_from_string, b"")
    assert await in_thread(blob.download_as_bytes) == b""
    assert blob.size == 0


@pytest.mark.parametrize("size", [0, 1, QUARTER_MEGABYTE, 3 * QUARTER_MEGABYTE + 17])
async def test_an_upload_in_chunks_arrives_whole(emulator: Emulator, gcs: storage.Client, size: int) -> None:
    content = os.urandom(size)
    blob = gcs.bucket("team-in").blob("chunks.bin", chunk_size=QUARTER_MEGABYTE)
    await in_thread(blob.upload_from_file, io.BytesIO(content), size=size)
    assert await in_thread(blob.download_as_bytes) == content


async def test_an_upload_of_unknown_size_arrives_whole(emulator: Emulator, gcs: storage.Client) -> None:
    content = os.urandom(2 * QUARTER_MEGABYTE + 5)
    blob = gcs.bucket("team-in").blob("stream.bin", chunk_size=QUARTER_MEGABYTE)

    def write() -> None:
        with blob.open("wb") as file:
            file.write(content)

    await in_thread(write)
    assert await in_thread(blob.download_as_bytes) == content


async def test_an_upload_that_does_not_end_leaves_no_object(
    emulator: Emulator, gcs: storage.Client, folder: Path
) -> None:
    blob = gcs.bucket("team-in").blob("never.bin")
    url = await in_thread(blob.create_resumable_upload_session, size=10)
    async with aiohttp.ClientSession() as session:
        answer = await session.put(url, data=b"12345", headers={"Content-Range": "bytes 0-4/10"})
        assert (answer.status, answer.headers["Range"]) == (308, "bytes=0-4")
        answer = await session.put(url, headers={"Content-Range": "bytes */10"})
        assert (answer.status, answer.headers["Range"]) == (308, "bytes=0-4")
        assert not await in_thread(blob.exists)
        answer = await session.put(url, data=b"3456789", headers={"Content-Range": "bytes 3-9/10"})
        assert answer.status == 200
        assert (await session.put(url, data=b"x")).status == 404
    assert await in_thread(blob.download_as_bytes) == b"1234556789"[:5] + b"56789"
    assert not list((folder / ".uploads").iterdir())


async def test_ranges_are_served(emulator: Emulator, gcs: storage.Client) -> None:
    blob = gcs.bucket("team-in").blob("digits")
    await in_thread(blob.upload_from_string, b"0123456789")
    assert await in_thread(blob.download_as_bytes, start=2, end=4) == b"234"
    assert await in_thread(blob.download_as_bytes, start=7) == b"789"
    assert await in_thread(blob.download_as_bytes, start=8, end=50) == b"89"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        await in_thread(blob.download_as_bytes, start=10)

    def in_pieces() -> bytes:
        with blob.open("rb", chunk_size=3) as file:
            return file.read()

    assert await in_thread(in_pieces) == b"0123456789"


async def test_a_download_that_is_given_up_on_leaves_no_open_file() -> None:
    """The file is still being opened, in a thread, when the caller goes."""
    may_open, closed = threading.Event(), asyncio.Event()

    class SlowPath:
        def open(self, _: str) -> Any:
            may_open.wait()
            return SimpleNamespace(close=closed.set)

    opening = asyncio.ensure_future(open_for_reading(cast("Path", SlowPath())))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    may_open.set()
    await closed.wait()


async def test_lists_know_prefixes_delimiters_and_pages(emulator: Emulator, gcs: storage.Client, folder: Path) -> None:
    bucket = folder / "team-out"
    for name in ("a.txt", "b/1.txt", "b/2.txt", "b/c/3.txt", "b-4.txt", "z.txt"):
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_text(name)

    def names(**query: Any) -> tuple[list[str], set[str]]:
        found = gcs.list_blobs("team-out", **query)
        return [blob.name for blob in found], set(found.prefixes)

    everything = ["a.txt", "b-4.txt", "b/1.txt", "b/2.txt", "b/c/3.txt", "z.txt"]
    assert await in_thread(names) == (everything, set())
    assert await in_thread(names, prefix="b/") == (everything[2:5], set())
    assert await in_thread(names, delimiter="/") == (["a.txt", "b-4.txt", "z.txt"], {"b/"})
    assert await in_thread(names, prefix="b/", delimiter="/") == (["b/1.txt", "b/2.txt"], {"b/c/"})
    assert await in_thread(names, page_size=1) == (everything, set())
    assert await in_thread(names, page_size=1, delimiter="/") == (["a.txt", "b-4.txt", "z.txt"], {"b/"})
    assert await in_thread(names, max_results=2) == (everything[:2], set())


async def test_a_deleted_object_is_gone(emulator: Emulator, gcs: storage.Client, folder: Path) -> None:
    blob = gcs.bucket("team-in").blob("deep/down/file")
    await in_thread(blob.upload_from_string, "x")
    await in_thread(blob.delete)
    for act in (blob.delete, blob.reload, blob.download_as_bytes):
        with pytest.raises(exceptions.NotFound):
            await in_thread(act)
    assert not (folder / "team-in" / "deep").exists()
    assert (folder / "team-in").is_dir()


async def test_preconditions_on_generations_hold(emulator: Emulator, gcs: storage.Client) -> None:
    blob = gcs.bucket("team-in").blob("once")
    await in_thread(blob.upload_from_string, "first", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        await in_thread(blob.upload_from_string, "second", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        await in_thread(blob.delete, if_generation_match=1)
    await in_thread(blob.delete, if_generation_match=blob.generation)


async def test_a_wrong_checksum_is_refused_and_leaves_nothing_behind(
    emulator: Emulator, gcs: storage.Client, folder: Path
) -> None:
    blob = gcs.bucket("team-in").blob("damaged")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="checksum"):
        await in_thread(blob.upload_from_string, "content")
    assert not await in_thread(blob.exists)
    assert not list((folder / ".uploads").iterdir())


STRAY_NAMES = [
    "../team-out/x",
    "a/../../team-out/x",
    "a/./b",
    "/etc/passwd",
    "a//b",
    "folder/",
    "a/..",
    "nul\x00",
    "line\nbreak",
    "x" * 2000,
    "x" * 300,
]


@pytest.mark.parametrize("name", STRAY_NAMES)
async def test_a_name_that_no_file_can_have_is_refused_and_never_found(
    emulator: Emulator, gcs: storage.Client, folder: Path, name: str
) -> None:
    (folder / "team-out" / "x").write_text("secret")
    blob = gcs.bucket("team-in").blob(name)
    with pytest.raises(exceptions.BadRequest):
        await in_thread(blob.upload_from_string, "x")
    for act in (blob.download_as_bytes, blob.reload, blob.delete):
        with pytest.raises(exceptions.NotFound):
            await in_thread(act)
    assert (folder / "team-out" / "x").read_text() == "secret"


@pytest.mark.parametrize(
    "path",
    [
        "/storage/v1/b/team-in/o/../../team-out",
        "/storage/v1/b/team-in/o/..%2F..%2Foutside",
        "/storage/v1/b/team-in/o/%2e%2e%2f%2e%2e%2foutside",
        "/storage/v1/b/..%2F..%2Foutside",
        "/storage/v1/b/..",
        "/storage/v1/b/team-in/o/%252e%252e%252foutside",
    ],
)
async def test_no_path_leads_out_of_the_folder(emulator: Emulator, folder: Path, path: str) -> None:
    (folder.parent / "outside").write_text("secret")
    async with aiohttp.ClientSession() as session:
        answer = await session.get(URL(emulator.storage_url + path + "?alt=media", encoded=True))
        assert answer.status in {404, 501}
        assert "secret" not in await answer.text()


async def test_a_link_that_leads_out_of_the_bucket_is_not_followed(
    emulator: Emulator, gcs: storage.Client, folder: Path
) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "team-in" / "link").symlink_to(folder.parent / "secret")
    (folder / "team-in" / "linked").symlink_to(folder.parent)
    for name in ("link", "linked/secret"):
        with pytest.raises(exceptions.NotFound):
            await in_thread(gcs.bucket("team-in").blob(name).download_as_bytes)
        with pytest.raises(exceptions.BadRequest):
            await in_thread(gcs.bucket("team-in").blob(name).upload_from_string, "overwritten")
    assert (folder.parent / "secret").read_text() == "secret"
    listed = await in_thread(lambda: [blob.name for blob in gcs.list_blobs("team-in")])
    assert listed == ["input.jsonl"]


async def test_a_file_where_a_folder_is_needed_is_refused(emulator: Emulator, gcs: storage.Client) -> None:
    with pytest.raises(exceptions.BadRequest):
        await in_thread(gcs.bucket("team-in").blob("input.jsonl/below").upload_from_string, "x")


async def test_what_is_not_served_says_so_in_googles_shape(emulator: Emulator) -> None:
    async with aiohttp.ClientSession() as session:
        answer = await session.patch(f"{emulator.storage_url}/storage/v1/b/team-in", json={})
        assert answer.status == 405
        answer = await session.get(f"{emulator.storage_url}/storage/v1/b/team-in/iam")
        assert answer.status == 501
        error = (await answer.json())["error"]
        assert (error["code"], error["errors"][0]["reason"]) == (501, "notImplemented")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "x: 1",
        "buckets: []",
        "buckets: {a: 1}",
        "buckets: {a: {colour: blue}}",
        "buckets: {a: {data_locations: [x]}}",
    ],
)
def test_settings_of_buckets_that_make_no_sense_are_refused_at_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "buckets.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"buckets\.yaml"):
        Emulator(EmulatorConfig(buckets=tmp_path))


def test_settings_of_buckets_that_break_later_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "team-in").mkdir()
    (tmp_path / "buckets.yaml").write_text("buckets: {team-in: {location: EU}}")
    buckets = Buckets(tmp_path)
    (tmp_path / "buckets.yaml").write_text("buckets: {team-in: [")
    assert buckets.open("team-in").location.name == "EU"


@pytest.mark.parametrize(
    ("location", "inside", "outside"),
    [
        (Location("US"), "us-central1", "europe-west1"),
        (Location("US"), "us-west8", "northamerica-northeast1"),
        (Location("US"), "us-east1", "southamerica-east1"),
        (Location("EU"), "europe-west4", "europe-west2"),
        (Location("EU"), "europe-north1", "europe-west6"),
        (Location("ASIA"), "asia-east1", "australia-southeast1"),
        (Location("NAM4"), "us-east1", "us-west1"),
        (Location("EUR4"), "europe-north1", "europe-west1"),
        (Location("EUR5"), "europe-west2", "europe-west4"),
        (Location("EUR7"), "europe-west3", "europe-west6"),
        (Location("EUR8"), "europe-west6", "europe-west2"),
        (Location("ASIA1"), "asia-northeast2", "asia-northeast3"),
        (Location("US", ("US-EAST1", "US-WEST1")), "us-west1", "us-central1"),
        (Location("EUROPE-WEST2"), "europe-west2", "europe-west1"),
    ],
)
def test_a_location_contains_its_regions_and_no_others(location: Location, inside: str, outside: str) -> None:
    assert location.contains(inside)
    assert not location.contains(outside)


@given(st.text())
def test_no_name_leads_out_of_its_bucket(name: str) -> None:
    bucket = Bucket("b", Path("/nowhere/buckets/b"))
    try:
        path = path_of(bucket, name)
    except BadObjectNameError:
        return
    assert os.path.normpath(path).startswith("/nowhere/buckets/b/")


@given(st.binary(max_size=200), st.integers(0, 20), st.integers(0, 20))
def test_a_range_is_the_slice_that_it_says(content: bytes, first: int, last: int) -> None:
    try:
        found = parse_range(f"bytes={first}-{last}", len(content))
    except RangeNotSatisfiableError:
        assert content[first : last + 1] == b""
        return
    if found is None:
        assert last < first
        return
    assert content[found.first : found.last + 1] == content[first : last + 1]


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4"])
def test_a_range_that_is_not_understood_means_everything(header: str | None) -> None:
    assert parse_range(header, 10) is None


@given(st.binary(max_size=300))
def test_multipart_content_comes_out_as_it_went_in(content: bytes) -> None:
    boundary = "===============77=="
    body = (
        b"--"
        + boundary.encode()
        + b"\r\nContent-Type: application/json\r\n\r\n{}\r\n--"
        + boundary.encode()
        + b"\r\nContent-Type: text/plain\r\n\r\n"
        + content
        + b"\r\n--"
        + boundary.encode()
        + b"--"
    )
    assert parse_multipart(f'multipart/related; boundary="{boundary}"', body).content == content
