"""`batchjobs submit` of a local file: Google's real client, the emulator's Cloud Storage, and a scripted gateway."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from batchjobs.cli.upload import folder_of
from client.scripted import NAME, Gateway, Ran, Refusal, Run, State, batch_job, event, not_uploaded_yet
from vertex_emulator import Emulator, EmulatorConfig, Fault, FaultKind

Code = grpc.StatusCode
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
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, batch_job()]
    ran = await run(*submit(local, "gs://ranking-in/mine/"))
    assert ran.code == 0, ran.err
    asked, request = gateway.requests("CreateBatchJob")
    assert asked.validate_only
    assert asked.batch_job == request.batch_job
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
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, *[batch_job()] * 3, not_uploaded_yet, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in", "--request-id", "r"))).code == 0
    uploaded = only_object(buckets).stat().st_mtime_ns
    assert (await run(*submit(local, "gs://ranking-in", "--request-id", "r"))).code == 0
    assert only_object(buckets).stat().st_mtime_ns == uploaded
    asked, first, asked_again, second = gateway.requests("CreateBatchJob")
    assert first == second
    assert [each.request_id for each in (asked, asked_again)] == ["r", "r"]
    write(local, ROWS + ROWS)
    await run(*submit(local, "gs://ranking-in", "--request-id", "r2"))
    assert gateway.requests("CreateBatchJob")[-1].batch_job.gcs_source.uri != first.batch_job.gcs_source.uri


async def test_a_large_file_goes_up_in_pieces(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    content = b'{"request": {"contents": "%s"}}\n' % (b"x" * 1000) * 9000
    write(local, content)
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/big"))).code == 0
    assert only_object(buckets).read_bytes() == content


async def test_a_file_that_changes_after_the_check_is_not_taken_for_what_was_checked(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batchjobs.cli import local_source as submitting

    def check_then_change(path: Path, seen: object):
        checked = real(path)
        path.write_bytes(ROWS.replace(b"contents", b"c0ntents"))
        return checked

    real = submitting.check_file
    monkeypatch.setattr(submitting, "check_file", check_then_change)
    gateway.script["CreateBatchJob"] = [not_uploaded_yet]
    ran = await run(*submit(local, "gs://ranking-in/mine"))
    assert ran.code == 3
    assert "Cloud Storage refused gs://ranking-in/mine/" in ran.err
    assert submitted(gateway) == []


async def test_waiting_shows_how_many_of_its_rows_are_done(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path
) -> None:
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, batch_job()]
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING), event(State.SUCCEEDED)]]
    ran = await run(*submit(local, "gs://ranking-in/mine", "--wait"))
    assert ran.code == 0
    assert "SUCCEEDED" in ran.out


def submitted(gateway: Gateway) -> list:
    """The creates that were meant."""
    return [request for request in gateway.requests("CreateBatchJob") if not request.validate_only]


def said(ran: Ran, code: int, words: str, gateway: Gateway) -> None:
    assert ran.code == code, ran.err
    assert words in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert submitted(gateway) == []


@pytest.mark.parametrize(
    ("bucket", "words"),
    [("nowhere", "The bucket gs://nowhere does not exist."), ("closed", "does not let you write gs://closed/")],
)
async def test_a_bucket_that_cannot_be_written_is_said_before_anything_is_submitted(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path, bucket: str, words: str
) -> None:
    gateway.script["CreateBatchJob"] = [not_uploaded_yet]
    said(await run(*submit(local, f"gs://{bucket}/mine")), 3, words, gateway)


REFUSALS = {
    "shape": (Refusal(Code.INVALID_ARGUMENT, reason="INVALID_SPEC"), 3),
    "policy": (Refusal(Code.PERMISSION_DENIED, reason="POLICY_VIOLATION"), 3),
    "team": (Refusal(Code.PERMISSION_DENIED, reason="TEAM_FORBIDDEN"), 3),
    "another object": (Refusal(Code.FAILED_PRECONDITION, reason="SOURCE_NOT_FOUND"), 3),
    "another fault beside": (lambda request: not_uploaded_yet(request, ("DESTINATION_NOT_FOUND", "gs://out")), 3),
    "another place": (lambda request: not_uploaded_yet(request, ("REGION_MISMATCH", "gs://ranking-in")), 3),
    "quota": (Refusal(Code.RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED"), 4),
    "away": (Refusal(Code.UNAVAILABLE, reason="LOCATION_UNAVAILABLE"), 7),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_what_the_gateway_refuses_leaves_nothing_in_the_bucket(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path, why: str
) -> None:
    refusal, code = REFUSALS[why]
    gateway.script["CreateBatchJob"] = [refusal] * 20
    said(await run(*submit(local, "gs://ranking-in/mine"), "--timeout", "0.3"), code, "", gateway)
    assert list((buckets / "ranking-in").iterdir()) == []


async def test_what_can_only_be_refused_afterwards_says_where_the_file_is(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, Refusal(Code.RESOURCE_EXHAUSTED, reason="QUOTA_EXCEEDED")]
    ran = await run(*submit(local, "gs://ranking-in/mine"))
    assert ran.code == 4
    assert f"The file stays at gs://ranking-in/mine/{only_object(buckets).name}; " in ran.err


async def test_an_object_that_the_gateway_may_read_but_not_list_is_uploaded(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    """Cloud Storage then says of an object that is not there that it is forbidden."""

    def forbidden(request):
        refusal = not_uploaded_yet(request)
        refusal.reason = refusal.details[0].violations[0].type = "SOURCE_NOT_READABLE"
        return refusal

    gateway.script["CreateBatchJob"] = [forbidden, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine"))).code == 0


@pytest.mark.parametrize(("given", "together"), [(("--timeout", "10"), 10), ((), 30 + len(ROWS) / 1_000_000)])
async def test_what_one_step_takes_is_missing_to_the_next(
    gateway: Gateway, run: Run, local: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], together: float
) -> None:
    """Left out, the time-out grows with the file: no limit that nobody has set may cut off a slow upload."""
    now, uploading = [0.0], list[float]()

    def asked(request):
        now[0] = 4
        return not_uploaded_yet(request)

    def upload(_file: object, _folder: object, *, seconds: float, **_options: object) -> str:
        uploading.append(seconds)
        now[0] = 9
        return "gs://ranking-in/x"

    monkeypatch.setattr("batchjobs.cli.local_source.monotonic", lambda: now[0])
    monkeypatch.setattr("batchjobs.cli.local_source.upload", upload)
    gateway.script["CreateBatchJob"] = [asked, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine", *given))).code == 0
    assert uploading == [together - 4]
    assert gateway.seconds_given[-1] < together - 8


@pytest.mark.parametrize("when", ["asking", "uploading", "creating"])
async def test_the_time_out_is_for_all_of_it_together(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path, when: str
) -> None:
    """Whoever never answers, the command ends."""
    never = asyncio.Event()
    gateway.script["CreateBatchJob"] = {
        "asking": [never] * 20,
        "uploading": [not_uploaded_yet],
        "creating": [not_uploaded_yet, *[never] * 20],
    }[when]
    if when == "uploading":
        emulator.faults.add(Fault("storage.objects.insert", FaultKind.HANG, times=None))
    ran = await run(*submit(local, "gs://ranking-in/mine"), "--timeout", "0.5")
    assert ran.code == 7
    assert {
        "asking": "DEADLINE_EXCEEDED" in ran.err or "did not answer" in ran.err,
        "uploading": "s that there were. Nothing was submitted." in ran.err,
        "creating": "--request-id" in ran.err,
    }[when]
    assert "Traceback" not in ran.err


async def test_a_cloud_storage_that_answers_with_errors_is_tried_again(
    gateway: Gateway, run: Run, emulator: Emulator, local: Path
) -> None:
    emulator.faults.add(Fault("storage.objects.insert", FaultKind.STATUS, code="503"))
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine"))).code == 0


async def test_an_upload_whose_answer_was_lost_is_done(
    gateway: Gateway, run: Run, emulator: Emulator, buckets: Path, local: Path
) -> None:
    """The second attempt finds the object there, which is its own."""
    emulator.faults.add(Fault("storage.objects.insert", FaultKind.DROP_ANSWER))
    gateway.script["CreateBatchJob"] = [not_uploaded_yet, batch_job()]
    assert (await run(*submit(local, "gs://ranking-in/mine"))).code == 0
    assert only_object(buckets).read_bytes() == ROWS


async def test_a_cloud_storage_that_is_away_is_unavailable(
    gateway: Gateway, run: Run, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    gateway.script["CreateBatchJob"] = [not_uploaded_yet]
    ran = await run(*submit(local, "gs://ranking-in/mine"), "--timeout", "0.5")
    said(ran, 7, "Cloud Storage did not take gs://ranking-in/", gateway)


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
