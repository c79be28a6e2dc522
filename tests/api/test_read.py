"""Get and List over a real connection."""

import pytest
from google.protobuf import struct_pb2

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain import states
from gateway.domain.vertex_job import Output, Rows, Status
from support.caller import State, batch_job, refusal

MALFORMED = [
    "",
    "1",
    "teams/ranking",
    "teams/ranking/batchJobs/",
    "teams/ranking/batchJobs/abc",
    "teams/ranking/batchJobs/0",
    "teams/ranking/batchJobs/01",
    "teams/ranking/batchJobs/-1",
    "teams/ranking/batchJobs/1/more",
    "teams/ranking/batchJobs/99999999999999999999",
    "teams/ranking/batchJobs/9223372036854775808",
    "teams/ranking/batchJobs/１２３",
    "teams/-/batchJobs/1",
    "teams/ranking/batchJobs/1\0",
    "teams/ranking/batchJobs/1\n",
    "teams/ränking/batchJobs/1",
    "teams/ranking/batchJobs/" + "1" * 200_000,
]


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("method", ["Get", "Cancel", "Delete"])
async def test_a_name_of_another_form_is_invalid_and_says_the_form(gateway, method, name):
    request = getattr(pb, f"{method}BatchJobRequest")(name=name)
    refused = await refusal(gateway.caller("ranking").call(f"{method}BatchJob", request))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert refused.fields == {"name": {"NAME_FORM"}}
    assert "teams/TEAM/batchJobs/ID" in refused.message


async def test_what_is_not_there_is_not_found_by_its_name(gateway):
    name = "teams/ranking/batchJobs/123456789012345678"
    refused = await refusal(gateway.caller("ranking").get(name))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert refused.details["ResourceInfo"].resource_name == name


async def test_another_teams_batch_job_looks_as_one_that_does_not_exist(gateway):
    job = await gateway.caller("ranking").create()
    missing = job.name[:-1] + ("1" if job.name[-1] != "1" else "2")
    there, not_there = [await refusal(gateway.caller("search").get(name)) for name in (job.name, missing)]
    assert (there.code, there.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")
    assert there.message == not_there.message


async def test_a_batch_job_is_not_found_under_another_teams_name(gateway):
    job = await gateway.caller("ranking").create()
    refused = await refusal(gateway.caller("search").get(job.name.replace("ranking", "search")))
    assert refused.reason == "NOT_FOUND"


async def test_an_operator_reads_every_team(gateway):
    job = await gateway.caller("ranking").create()
    assert (await gateway.caller("operator", "ranking").get(job.name)).name == job.name


async def test_an_ended_batch_job_shows_its_outcome(gateway):
    job = await gateway.caller("ranking").create()
    await gateway.move(
        job.name,
        states.State.SUBMITTING,
        states.State.RUNNING,
        states.State.PARTIALLY_SUCCEEDED,
        vertex_name="projects/1/locations/us-central1/batchPredictionJobs/7",
        rows=Rows(succeeded=0, failed=2, incomplete=None),
        output=Output(gcs_directory="gs://ranking-out/results/prediction-model-x"),
        error=Status(8, "out of room"),
        partial_failures=(Status(3, "row 7"),),
    )
    shown = await gateway.caller("ranking").get(job.name)
    assert shown.state == State.PARTIALLY_SUCCEEDED
    assert not shown.HasField("waiting")
    assert shown.vertex_job.endswith("/7")
    assert (shown.rows.succeeded, shown.rows.failed) == (0, 2)
    assert shown.rows.HasField("succeeded")
    assert not shown.rows.HasField("incomplete")
    assert shown.output.gcs_directory == "gs://ranking-out/results/prediction-model-x"
    assert [(failure.code, failure.message) for failure in shown.partial_failures] == [(3, "row 7")]
    assert shown.HasField("end_time")
    assert shown.HasField("expire_time")
    assert [entry.state for entry in shown.transitions] == [
        State.QUEUED,
        State.SUBMITTING,
        State.RUNNING,
        State.PARTIALLY_SUCCEEDED,
    ]


async def test_lists_are_newest_first_page_by_page(gateway):
    caller = gateway.caller("ranking")
    names = [(await caller.create()).name for _ in range(5)]
    pages, token = [], ""
    while token or not pages:
        page = await caller.list(page_size=2, page_token=token)
        pages.append([job.name for job in page.batch_jobs])
        token = page.next_page_token
    assert [name for page in pages for name in page] == names[::-1]
    assert [len(page) for page in pages] == [2, 2, 1]


async def test_a_list_holds_one_team_and_for_operators_all(gateway):
    job = batch_job(
        gcs_source=pb.GcsSource(uri="gs://search-in/rows.jsonl"),
        gcs_destination=pb.GcsDestination(output_uri_prefix="gs://search-out/x"),
        region=None,
    )
    search, ranking = await gateway.caller("search").create(job), await gateway.caller("ranking").create()
    assert [each.name for each in (await gateway.caller("ranking").list()).batch_jobs] == [ranking.name]
    everything = await gateway.caller("operator", "-").list()
    assert {each.name for each in everything.batch_jobs} == {search.name, ranking.name}
    refused = await refusal(gateway.caller("ranking", "-").list())
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_FORBIDDEN")


async def test_an_empty_team_lists_nothing(gateway):
    page = await gateway.caller("ranking").list()
    assert (len(page.batch_jobs), page.next_page_token) == (0, "")


@pytest.mark.parametrize("token", ["x", "====", "é", "\0", "MQ", "a" * 5000, "MTowMDAwMDAwMDAwMDAwMDAwOjE"])
async def test_a_garbled_page_token_is_refused(gateway, token):
    refused = await refusal(gateway.caller("ranking").list(page_token=token))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


async def test_a_page_token_belongs_to_its_list(gateway):
    caller = gateway.caller("ranking")
    for _ in range(2):
        await caller.create()
    token = (await caller.list(page_size=1)).next_page_token
    for other in (gateway.caller("search"), gateway.caller("operator", "-")):
        refused = await refusal(other.list(page_token=token))
        assert refused.reason == "INVALID_PAGE_TOKEN"


async def test_a_page_size_below_zero_is_invalid_and_a_large_one_is_cut(gateway):
    refused = await refusal(gateway.caller("ranking").list(page_size=-1))
    assert (refused.reason, set(refused.fields)) == ("INVALID_SPEC", {"page_size"})
    assert not (await gateway.caller("ranking").list(page_size=2**31 - 1)).batch_jobs


async def test_a_page_is_cut_where_callers_could_not_read_it(start_gateway):
    """A client reads 4 MiB at most by default: a page of large batch jobs must be several."""
    gateway = await start_gateway(role="api")
    await gateway.set_policy(lambda policy: policy["defaults"]["quotas"].update(queued_jobs=1000))
    parameters = struct_pb2.Struct()
    parameters.update({"text": "x" * 32_000})
    caller = gateway.caller("ranking")
    names = [(await caller.create(batch_job(model_parameters=parameters))).name for _ in range(110)]
    first = await caller.list(page_size=200)
    assert 0 < len(first.batch_jobs) < len(names)
    second = await caller.list(page_size=200, page_token=first.next_page_token)
    assert [job.name for page in (first, second) for job in page.batch_jobs] == names[::-1]


async def test_a_list_is_filtered_by_what_callers_see(gateway):
    caller = gateway.caller("ranking")
    running, cancelling, queued = [(await caller.create(batch_job(labels={"n": str(n)}))).name for n in range(3)]
    for name in (running, cancelling):
        await gateway.move(name, states.State.SUBMITTING, states.State.RUNNING)
    await caller.cancel(cancelling)
    wanted = {
        "state = RUNNING": [running],
        "state = CANCELLING": [cancelling],
        'labels.n != "0" AND state != QUEUED': [cancelling],
        "model = gemini-2.5-flash AND region = us-central1": [queued, cancelling, running],
        'create_time < "2020-01-01T00:00:00Z"': [],
        " ": [queued, cancelling, running],
    }
    for text, names in wanted.items():
        assert [job.name for job in (await caller.list(filter=text)).batch_jobs] == names


async def test_an_operator_filters_over_all_teams(gateway):
    await gateway.caller("ranking").create(batch_job(labels={"run": "nightly"}))
    page = await gateway.caller("operator", "-").list(filter="labels.run = nightly")
    assert [job.name.split("/")[1] for job in page.batch_jobs] == ["ranking"]


async def test_a_filter_outside_the_subset_is_refused_term_by_term(gateway):
    refused = await refusal(gateway.caller("ranking").list(filter="NOT state = RUNNING AND size > 3", page_size=-1))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    assert refused.fields == {"filter": {"FILTER_NOT", "FILTER_FIELD"}, "page_size": {"OUT_OF_RANGE"}}


async def test_a_page_token_belongs_to_its_filter(gateway):
    caller = gateway.caller("ranking")
    names = [(await caller.create()).name for _ in range(3)]
    first = await caller.list(page_size=2, filter="state = QUEUED")
    second = await caller.list(page_size=2, filter="state = QUEUED", page_token=first.next_page_token)
    assert [job.name for page in (first, second) for job in page.batch_jobs] == names[::-1]
    for other in ("", "state = RUNNING"):
        refused = await refusal(caller.list(page_size=2, filter=other, page_token=first.next_page_token))
        assert refused.reason == "INVALID_PAGE_TOKEN"
