"""`batchjobs submit` of a local file: Google's real client, the emulator's Cloud Storage, and a scripted gateway."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batchjobs.cli.upload import folder_of
from client.scripted import NAME, Gateway, Ran, Run, State, batch_job, event
from vertex_emulator import Emulator, EmulatorConfig, Fault, FaultKind

ROWS = b'{"request": {"contents": []}}\n' * 3


@pytest.fixture
def buckets(tmp_path: Path) -> Path:
    folder = tmp_path / "buckets"
    for name in ("ranking-in", "closed"):
        (folder / name).mkdir(parents=True)
    (folder / "buckets.yaml").write_text("buckets: {closed: {forbidden: true}}")
    return folder


@pytest.fixture
async def emulator(buckets: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(EmulatorConfig(buckets=buckets)) as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.storage_url)
        yield running


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "ti ckets.v2.jsonl"
    path.write_bytes(ROWS)
    return path


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def submit(local: Path, upload_to: str, *more: str) -> tuple[str, ...]:
    where = ("--destination", "gs://ranking-out/x", "--upload-to", upload_to)
    return ("submit", "--model", "flash", "--source", str(local), *where, *more)


def only_object(buckets: Path) -> Path:
    (found,) = [path for path in (buckets / "ranking-in").rglob("*") if path.is_file()]
    return found


async def test_a_local_file_becomes_the_source(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    gateway.script["CreateBatchJob"] = [batch_job()]
    ran = await run(*submit(local, "gs://ranking-in/mine/"))
    assert ran.code == 0, ran.err
    (request,) = gateway.requests("CreateBatchJob")
    stored = only_object(buckets)
    assert request.batch_job.gcs_source.uri == f"gs://ranking-in/mine/{stored.name}"
    assert stored.read_bytes() == ROWS
    assert stored.name.startswith("ti-ckets.v2-")
    assert f"3 rows, now at {request.batch_job.gcs_source.uri}" in ran.err
    assert ran.out == f"{NAME}  QUEUED\n"


async def test_the_same_file_again_is_uploaded_once_and_stays_the_same_source(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    """Otherwise submitting again under one request id would be another content, and refused."""
    gateway.script["CreateBatchJob"] = [batch_job()] * 3
    assert (await run(*submit(local, "gs://ranking-in", "--request-id", "r"))).code == 0
    uploaded = only_object(buckets).stat().st_mtime_ns
    assert (await run(*submit(local, "gs://ranking-in", "--request-id", "r"))).code == 0
    assert only_object(buckets).stat().st_mtime_ns == uploaded
    first, second = gateway.requests("CreateBatchJob")
    assert first == second
    write(local, ROWS + ROWS)
    await run(*submit(local, "gs://ranking-in", "--request-id", "r2"))
    assert gateway.requests("CreateBatchJob")[2].batch_job.gcs_source.uri != first.batch_job.gcs_source.uri


async def test_a_large_file_goes_up_in_pieces(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    content = b'{"request": {"contents": "%s"}}\n' % (b"x" * 1000) * 9000
    write(local, content)
    gateway.script["CreateBatchJob"] = [batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/big"))).code == 0
    assert only_object(buckets).read_bytes() == content


async def test_a_file_that_changes_after_the_check_is_not_taken_for_what_was_checked(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batchjobs.cli import submit as submitting

    def check_then_change(path: Path, seen: object):
        checked = real(path)
        path.write_bytes(ROWS.replace(b"contents", b"c0ntents"))
        return checked

    real = submitting.check_file
    monkeypatch.setattr(submitting, "check_file", check_then_change)
    ran = await run(*submit(local, "gs://ranking-in/mine"))
    assert ran.code == 3
    assert "Cloud Storage refused gs://ranking-in/mine/" in ran.err
    assert gateway.asked == []


async def test_waiting_shows_how_many_of_its_rows_are_done(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path
) -> None:
    gateway.script["CreateBatchJob"] = [batch_job()]
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), event(State.SUCCEEDED)]]
    ran = await run(*submit(local, "gs://ranking-in/mine", "--wait"))
    assert ran.code == 0
    assert "SUCCEEDED" in ran.out


def said(ran: Ran, code: int, words: str, gateway: Gateway) -> None:
    assert ran.code == code, ran.err
    assert words in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("bucket", "words"),
    [("nowhere", "The bucket gs://nowhere does not exist."), ("closed", "does not let you write gs://closed/")],
)
async def test_a_bucket_that_cannot_be_written_is_said_before_anything_is_submitted(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path, bucket: str, words: str
) -> None:
    said(await run(*submit(local, f"gs://{bucket}/mine")), 3, words, gateway)


async def test_a_cloud_storage_that_answers_with_errors_is_tried_again(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path
) -> None:
    emulator.faults.add(Fault("storage.objects.insert", FaultKind.STATUS, code="503"))
    gateway.script["CreateBatchJob"] = [batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine"))).code == 0


async def test_an_upload_whose_answer_was_lost_is_done(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    """The second attempt finds the object there, which is its own."""
    emulator.faults.add(Fault("storage.objects.insert", FaultKind.DROP_ANSWER))
    gateway.script["CreateBatchJob"] = [batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine"))).code == 0
    assert only_object(buckets).read_bytes() == ROWS


async def test_a_cloud_storage_that_is_away_is_unavailable(
    gateway: Gateway, run: Run, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setattr("batchjobs.cli.upload.SECONDS", 0.2)
    said(await run(*submit(local, "gs://ranking-in/mine")), 7, "Cloud Storage did not take gs://ranking-in/", gateway)


async def test_a_file_that_does_not_pass_is_neither_uploaded_nor_submitted(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    write(local, ROWS + b"oops\n")
    said(await run(*submit(local, "gs://ranking-in/mine")), 2, "line 4: it is not JSON", gateway)
    assert list((buckets / "ranking-in").iterdir()) == []


async def test_without_google_s_client_it_says_what_to_install(
    gateway: Gateway, run: Run, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    ran = await run(*submit(local, "gs://ranking-in/mine"))
    said(ran, 2, "pip install 'batch-jobs-gateway[upload]'", gateway)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--source", "rows.jsonl"), "say with --upload-to gs://BUCKET/PREFIX where it is to go"),
        (("--source", "gs://in/a", "--upload-to", "gs://in/b"), "--upload-to is for a local file"),
        (("--source", "rows.jsonl", "--upload-to", "s3://in"), "is not gs://BUCKET/PREFIX"),
        (("--source", "rows.jsonl", "--upload-to", "gs://"), "is not gs://BUCKET/PREFIX"),
        (("--source", "rows.jsonl", "--upload-to", "gs://bucket/a*"), "is not gs://BUCKET/PREFIX"),
        (("--source", "rows.jsonl", "--upload-to", "gs://bucket/a", "--validate-only"), "uploads nothing"),
        (("--source", "rows.jsonl", "--upload-to", "gs://bucket/a"), "There is no file rows.jsonl"),
        (("--source", "gs://in/a", "--source", "gs://in/b"), "give it once, not 2 times"),
        (("--source", "gs://in/a", "--destination", "gs://out/z"), "give it once, not 2 times"),
        (("--upload-to", "gs://bucket/a"), "Missing option '--source'"),
    ],
)
async def test_what_does_not_fit_together_is_said_before_anything_is_sent(
    gateway: Gateway, run: Run, arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    ran = await run("submit", "--model", "m", "--destination", "gs://out/x", *arguments)
    said(ran, 2, sentence, gateway)


def test_a_folder_is_read_with_and_without_a_prefix() -> None:
    assert folder_of("gs://bucket") == folder_of("gs://bucket/") == ("bucket", "")
    assert folder_of("gs://bucket/a/b") == folder_of("gs://bucket//a/b//") == ("bucket", "a/b/")
    for bad in ("bucket", "gs://", "gs://UPPER/x", "gs://b/x", "gs://bucket/a\nb", "gs://bucket/[a]"):
        with pytest.raises(ValueError, match="is not gs://BUCKET/PREFIX"):
            folder_of(bad)
