"""The `batchjobs` command over a real connection: what it sends, what it prints, how it exits."""

import json
from datetime import timedelta

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from batchjobs.cli.exits import MEANING
from batchjobs.v1 import batch_jobs_pb2 as pb
from client.scripted import NAME, SUBMIT, Gateway, Refusal, Run, State, batch_job, event
from client.test_watch import start

Code = grpc.StatusCode


async def test_submit_sends_every_option(gateway: Gateway, run: Run) -> None:
    gateway.script["CreateBatchJob"] = [batch_job()]
    options = (
        *("--region", "us-central1", "--priority", "0", "--label", "run=nightly", "--label", "equal=a=b"),
        *("--display-name", "Nachtlauf ✓", "--request-id", "r-1", "--max-queue-duration", "1h30m"),
        *("--parameters", '{"temperature": 0.2}'),
    )
    ran = await run(*SUBMIT, *options)
    assert ran.code == 0
    assert ran.out == f"{NAME}  QUEUED\n"
    expected = json_format.ParseDict(
        {
            "parent": "teams/ranking",
            "request_id": "r-1",
            "batch_job": {
                "model": "flash",
                "gcs_source": {"uri": "gs://in/a.jsonl"},
                "gcs_destination": {"output_uri_prefix": "gs://out/x"},
                "region": "us-central1",
                "priority": 0,
                "labels": {"run": "nightly", "equal": "a=b"},
                "display_name": "Nachtlauf ✓",
                "max_queue_duration": "5400s",
                "model_parameters": {"temperature": 0.2},
            },
        },
        pb.CreateBatchJobRequest(),
    )
    (_, request, metadata), *others = gateway.asked
    assert not others
    assert request == expected
    assert metadata["x-batchjobs-team"] == "ranking"


async def test_submit_leaves_out_what_was_not_given(gateway: Gateway, run: Run) -> None:
    gateway.script["CreateBatchJob"] = [batch_job()]
    await run("submit", "--model", "m", "--source", "bq://p.d.t", "--destination", "bq://p.d.o")
    (request,) = gateway.requests("CreateBatchJob")
    assert not any(request.batch_job.HasField(f) for f in ("priority", "max_queue_duration", "model_parameters"))
    assert request.batch_job.bigquery_source.table == "bq://p.d.t"
    assert request.batch_job.bigquery_destination.table == "bq://p.d.o"
    assert len(request.request_id) == 36


async def test_a_create_is_repeated_under_one_request_id(gateway: Gateway, run: Run) -> None:
    """Otherwise a lost answer would make two batch jobs."""
    away = Refusal(Code.UNAVAILABLE, "The database restarts.", "STORE_UNAVAILABLE", pushback="1")
    gateway.script["CreateBatchJob"] = [away, away, batch_job()]
    ran = await run(*SUBMIT)
    assert ran.code == 0
    first, second, third = gateway.requests("CreateBatchJob")
    assert first.request_id
    assert first == second == third
    assert ran.err.count("STORE_UNAVAILABLE") == 2


async def test_an_unknown_outcome_prints_the_request_id(gateway: Gateway, run: Run) -> None:
    away = Refusal(Code.UNAVAILABLE, "The commit is not confirmed.", "STORE_UNAVAILABLE", pushback="-1")
    gateway.script["CreateBatchJob"] = [away]
    ran = await run(*SUBMIT)
    (request,) = gateway.requests("CreateBatchJob")
    assert ran.code == 7
    assert "not known" in ran.err
    assert f"--request-id {request.request_id}" in ran.err


async def test_a_pushback_longer_than_patience_is_not_waited_for(gateway: Gateway, run: Run) -> None:
    away = Refusal(Code.UNAVAILABLE, "Later.", "DRAINING", retry_after=timedelta(hours=1), pushback="3600000")
    gateway.script["CreateBatchJob"] = [away]
    ran = await run(*SUBMIT, "--timeout", "5")
    assert ran.code == 7
    assert "Try again in 3600 s" in ran.err
    assert len(gateway.asked) == 1


async def test_a_refusal_names_every_fault(gateway: Gateway, run: Run) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation
    faults = [violation(field=f"batch_job.{f}", description="is wrong", reason="BAD") for f in ("model", "labels")]
    bad = error_details_pb2.BadRequest(field_violations=faults)
    gateway.script["CreateBatchJob"] = [Refusal(Code.INVALID_ARGUMENT, "Two faults.", "INVALID_SPEC", details=(bad,))]
    ran = await run(*SUBMIT)
    assert ran.code == 3
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "INVALID_SPEC: Two faults.",
        "  batch_job.model: is wrong (BAD)",
        "  batch_job.labels: is wrong (BAD)",
    ]


async def test_a_used_up_quota_has_its_own_exit_code(gateway: Gateway, run: Run) -> None:
    quota = error_details_pb2.QuotaFailure.Violation(subject="teams/ranking", description="queued_jobs: 50 of 50 used")
    refusal = Refusal(
        Code.RESOURCE_EXHAUSTED,
        "The team's queue is full.",
        "QUOTA_EXCEEDED",
        details=(error_details_pb2.QuotaFailure(violations=[quota]),),
        retry_after=timedelta(seconds=45),
        pushback="45000",
    )
    gateway.script["CreateBatchJob"] = [refusal]
    ran = await run(*SUBMIT)
    assert ran.code == 4
    assert "teams/ranking: queued_jobs: 50 of 50 used" in ran.err
    assert "Try again in 45 s." in ran.err
    assert len(gateway.asked) == 1


async def test_a_quota_that_is_free_again_soon_is_waited_for_and_the_caller_told(gateway: Gateway, run: Run) -> None:
    refusal = Refusal(Code.RESOURCE_EXHAUSTED, "Too fast.", "QUOTA_EXCEEDED", pushback="20")
    gateway.script["CreateBatchJob"] = [refusal, batch_job()]
    ran = await run(*SUBMIT)
    assert ran.code == 0
    assert "QUOTA_EXCEEDED" in ran.err
    first, second = gateway.requests("CreateBatchJob")
    assert first == second


async def test_validate_only_submits_nothing(gateway: Gateway, run: Run) -> None:
    gateway.script["CreateBatchJob"] = [batch_job(name="")]
    ran = await run(*SUBMIT, "--validate-only")
    (request,) = gateway.requests("CreateBatchJob")
    assert request.validate_only
    assert request.request_id == ""
    assert ran.code == 0
    assert "gemini-2.5-flash in corp-ml/us-central1; nothing was submitted" in ran.out


async def test_get_shows_everything_in_lines(gateway: Gateway, run: Run) -> None:
    gateway.script["GetBatchJob"] = [
        batch_job(
            State.PARTIALLY_SUCCEEDED,
            rows=pb.BatchJob.Rows(succeeded=480, failed=20),
            output=pb.BatchJob.Output(gcs_directory="gs://out/x/prediction-model-1"),
            labels={"run": "nightly"},
            transitions=[
                pb.BatchJob.Transition(state=State.QUEUED, time=Timestamp(seconds=1), actor="dev:ranking"),
                pb.BatchJob.Transition(
                    state=State.CANCELLING, time=Timestamp(seconds=61), actor="dev:ranking", reason="CANCEL_REQUESTED"
                ),
            ],
        )
    ]
    ran = await run("get", NAME)
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert f"name {NAME}" in lines
    assert "state PARTIALLY_SUCCEEDED" in lines
    assert "rows 480 ok, 20 failed" in lines
    assert "output gs://out/x/prediction-model-1" in lines
    assert "labels run=nightly" in lines
    assert "history 1970-01-01 00:01:01 UTC CANCELLING (CANCEL_REQUESTED, dev:ranking)" in lines


@pytest.mark.parametrize(
    ("arguments", "asked_as"),
    [(("174873600000012345",), "ranking"), ((NAME,), "ranking"), ((NAME, "--team", "operator"), "operator")],
)
async def test_a_bare_id_belongs_to_the_team_and_a_full_name_to_its_own(
    gateway: Gateway, run: Run, arguments: tuple[str, ...], asked_as: str
) -> None:
    gateway.script["GetBatchJob"] = [batch_job()]
    assert (await run("get", *arguments)).code == 0
    (_, request, metadata) = gateway.asked[0]
    assert request.name == NAME
    assert metadata["x-batchjobs-team"] == asked_as


async def test_a_full_name_needs_no_team(gateway: Gateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATCHJOBS_TEAM")
    gateway.script["GetBatchJob"] = [batch_job()]
    assert (await run("get", NAME)).code == 0
    assert gateway.asked[0][2]["x-batchjobs-team"] == "ranking"


async def test_json_is_the_contract_s_own(gateway: Gateway, run: Run) -> None:
    """Also where an error holds a detail of a type that this program has never seen."""
    info = AnyMessage()
    info.Pack(error_details_pb2.ErrorInfo(reason="VERTEX_JOB_GONE", domain="batchjobs.gateway"))
    strange = AnyMessage(type_url="type.googleapis.com/acme.Unknown", value=b"\x08\x01")
    job = batch_job(State.FAILED, revision=7, error=status_pb2.Status(code=5, details=[info, strange]))
    gateway.script["GetBatchJob"] = [job]
    ran = await run("get", NAME, "--output", "json")
    assert ran.code == 0
    del job.error.details[1]
    assert json_format.Parse(ran.out, pb.BatchJob()) == job
    assert '"effective_model"' in ran.out


async def test_list_reads_as_many_pages_as_it_takes(gateway: Gateway, run: Run) -> None:
    gateway.script["ListBatchJobs"] = [
        pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name="one")] * 2, next_page_token="more"),
        pb.ListBatchJobsResponse(batch_jobs=[batch_job(State.RUNNING, rows=pb.BatchJob.Rows(succeeded=3))]),
    ]
    ran = await run("list", "--limit", "5", "--filter", "state = RUNNING")
    assert ran.code == 0
    first, second = gateway.requests("ListBatchJobs")
    assert (first.parent, first.page_size, first.filter) == ("teams/ranking", 5, "state = RUNNING")
    assert (second.page_token, second.page_size, second.filter) == ("more", 5, "state = RUNNING")
    head, *rows = ran.out.splitlines()
    assert head.split() == ["batch", "job", "state", "age", "model", "region", "rows", "note"]
    assert len(rows) == 3
    assert "one" in rows[0]
    assert "3 ok" in rows[2]


async def test_list_stops_at_its_limit(gateway: Gateway, run: Run) -> None:
    gateway.script["ListBatchJobs"] = [pb.ListBatchJobsResponse(batch_jobs=[batch_job()] * 3, next_page_token="more")]
    ran = await run("list", "--limit", "2", "--output", "json")
    assert len(json.loads(ran.out)) == 2
    assert len(gateway.asked) == 1


async def test_operators_list_every_team(gateway: Gateway, run: Run) -> None:
    gateway.script["ListBatchJobs"] = [pb.ListBatchJobsResponse(batch_jobs=[batch_job()])]
    ran = await run("list", "--all-teams", "--team", "operator")
    assert gateway.requests("ListBatchJobs")[0].parent == "teams/-"
    assert NAME in ran.out


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.CANCELLED, "CANCELLED\n"),
        (State.CANCELLING, f"its end is not known yet; follow it with: batchjobs watch {NAME}"),
        (State.SUCCEEDED, "SUCCEEDED (it had ended before)"),
    ],
)
async def test_cancel_says_how_far_it_is(gateway: Gateway, run: Run, state: int, words: str) -> None:
    gateway.script["CancelBatchJob"] = [batch_job(state)]
    ran = await run("cancel", NAME)
    assert ran.code == 0
    assert words in ran.out


async def test_delete_says_so(gateway: Gateway, run: Run) -> None:
    gateway.script["DeleteBatchJob"] = [Empty(), Empty()]
    assert (await run("delete", NAME)).out == f"{NAME}  deleted\n"
    assert json.loads((await run("delete", NAME, "--output", "json")).out) == {"deleted": NAME}


async def test_what_others_wrote_cannot_steer_the_terminal(gateway: Gateway, run: Run) -> None:
    evil = "\x1b[2J[red]x[/red]\r\x9b1m"
    gateway.script["GetBatchJob"] = [batch_job(display_name=evil), Refusal(Code.NOT_FOUND, "x \x1b[2J y", "NOT_FOUND")]
    gateway.script["ListBatchJobs"] = [pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name=evil)])]
    for ran in (await run("get", NAME), await run("list"), await run("get", NAME)):
        assert not {"\x1b", "\r", "\x9b"} & {*ran.out, *ran.err}
    assert "[red]x[/red]" in (await _listed(gateway, run, evil))


async def _listed(gateway: Gateway, run: Run, display_name: str) -> str:
    gateway.script["ListBatchJobs"] = [pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name=display_name)])]
    return (await run("list")).out


async def test_a_state_of_a_newer_gateway_is_shown_and_not_fatal(gateway: Gateway, run: Run) -> None:
    waiting = pb.BatchJob.Waiting(reason=99)
    gateway.script["GetBatchJob"] = [batch_job(77, waiting=waiting)]
    ran = await run("get", NAME)
    assert ran.code == 0
    assert "STATE_77" in ran.out
    assert "REASON_99" in ran.out


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal(Code.NOT_FOUND, reason="NOT_FOUND"), 3),
        (Refusal(Code.PERMISSION_DENIED, reason="TEAM_FORBIDDEN"), 3),
        (Refusal(Code.FAILED_PRECONDITION, reason="NOT_ENDED"), 3),
        (Refusal(Code.RESOURCE_EXHAUSTED, reason="OVERLOADED", pushback="-1"), 7),
        (Refusal(Code.UNAVAILABLE, reason="DRAINING", pushback="-1"), 7),
        (Refusal(Code.UNIMPLEMENTED), 3),
        (Refusal(Code.INTERNAL), 7),
    ],
    ids=lambda value: value.code.name if isinstance(value, Refusal) else "",
)
async def test_the_exit_code_says_what_kind_of_no_it_was(
    gateway: Gateway, run: Run, refusal: Refusal, code: int
) -> None:
    gateway.script["DeleteBatchJob"] = [refusal]
    ran = await run("delete", NAME)
    assert ran.code == code
    assert ran.out == ""
    assert "No." in ran.err


async def test_a_gateway_that_is_not_there_is_said_in_a_sentence(run: Run) -> None:
    ran = await run("get", NAME, "--endpoint", "127.0.0.1:1", "--timeout", "0.05")
    assert ran.code == 7
    assert "The gateway at 127.0.0.1:1 did not answer" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("get", "12x"), "neither teams/TEAM/batchJobs/ID nor an ID"),
        (("get", "teams/Ranking/batchJobs/1"), "is not a team"),
        (("get", "1", "--team", ""), "id without its team"),
        (("list", "--team", "A B"), "is not a team"),
        (("list", "--team", ""), "Which team?"),
        (("list", "--endpoint", "nowhere"), "neither HOST:PORT nor unix:PATH"),
        (("list", "--endpoint", "dns:///a:1/x"), "neither HOST:PORT nor unix:PATH"),
        (
            ("list", "--token-file", "token", "--ca-file", "ca.crt"),
            "--insecure speaks plaintext, and --ca-file, --token-file",
        ),
        ((*SUBMIT, "--priority", "101"), "0<=x<=100"),
        ((*SUBMIT, "--label", "novalue"), "is not KEY=VALUE"),
        ((*SUBMIT, "--label", "a=1", "--label", "a=2"), "more than once for a"),
        ((*SUBMIT, "--parameters", "[1]"), "must be a JSON object"),
        ((*SUBMIT, "--parameters", '{"a": NaN}'), "cannot be read as JSON"),
        ((*SUBMIT, "--parameters", '{"a": ' * 2000 + "1" + "}" * 2000), "cannot be read as JSON"),
        ((*SUBMIT, "--max-queue-duration", "soon"), "is not a duration"),
        ((*SUBMIT, "--max-queue-duration", "99999999999d"), "is longer than"),
        ((*SUBMIT, "--validate-only", "--wait"), "submits nothing"),
        ((*SUBMIT, "--model", "\udcff"), "bytes that are not text"),
        (("submit", "--model", "m", "--source", "s3://a", "--destination", "gs://b"), "neither gs://BUCKET/OBJECT nor"),
        (("submit", "--model", "m", "--source", "gs://a", "--destination", "b"), "neither gs://BUCKET/PREFIX nor"),
        (("submit", "--model", "m", "--source", "gs://a/b"), "--destination"),
        (("fly",), "No such command"),
    ],
)
async def test_wrong_usage_is_said_before_anything_is_sent(
    gateway: Gateway, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    ran = await run(*arguments)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())
    assert gateway.asked == []


async def test_tls_is_spoken_unless_plaintext_is_asked_for(
    gateway: Gateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.script["GetBatchJob"] = [batch_job()]
    monkeypatch.delenv("BATCHJOBS_INSECURE")
    ran = await run("get", NAME)
    assert ran.code == 7
    assert "speaks plaintext, and TLS was asked for" in ran.err
    assert gateway.asked == []
    assert (await run("get", NAME, "--insecure")).code == 0


async def test_help_names_every_exit_code(run: Run) -> None:
    ran = await run("--help")
    assert ran.code == 0
    for code, meaning in MEANING.items():
        assert f"{code:>5}  {meaning}" in ran.out


async def test_a_terminal_that_cannot_show_a_character_ends_no_command(gateway: Gateway) -> None:
    page = pb.ListBatchJobsResponse(batch_jobs=[batch_job(display_name="Nachtlauf ✓")])
    gateway.script["ListBatchJobs"] = [page]
    process = await start(gateway, "list", env={"PYTHONIOENCODING": "ascii"})
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"Nachtlauf \\u2713" in out


async def test_a_reader_that_goes_away_ends_the_command_quietly(gateway: Gateway) -> None:
    gateway.script["WatchBatchJob"] = [[event(State.RUNNING, revision=n) for n in range(1, 2000)]]
    process = await start(gateway, "watch", NAME, "--output", "json")
    assert process.stdout
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]  # as `head -1` would
    assert process.stderr
    assert await process.stderr.read() == b""
    assert await process.wait() == 0
