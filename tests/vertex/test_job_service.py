"""Google's own client, unmodified, over a real connection."""

import asyncio
import re
import subprocess
import sys
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import JobState

from gateway.api.vertex.teams import team_of_call
from gateway.domain.states import State
from gateway.domain.vertex_job import Status
from gateway.errors import GatewayError, Reason
from gateway.identity.principal import Principal
from support.caller import State as Ours
from support.caller import batch_job
from vertex.conftest import PARENT, a_job

QUICK = {"dispatch_interval": "200ms", "poll_interval": "200ms"}


@pytest.fixture
async def vertex(start_vertex):
    """A gateway that never leads: what is created stays queued."""
    return await start_vertex(role="api")


def fields_of(error: exceptions.GoogleAPICallError) -> dict[str, str]:
    """The reasons of the violations of fields, by field."""
    details = [each for each in error.details if hasattr(each, "field_violations")]
    return {violation.field: violation.reason for each in details for violation in each.field_violations}


async def test_a_job_runs_to_its_end_as_these_clients_know_it(start_vertex):
    """Their documented loop: get until the state is an end."""
    vertex = await start_vertex(emulator={"pending_seconds": 0.1, "run_seconds": 0.1}, **QUICK)
    job = await vertex.create()
    assert re.fullmatch(rf"{PARENT}/batchPredictionJobs/[0-9]{{18,19}}", job.name)
    assert (job.state, job.model) == (JobState.JOB_STATE_QUEUED, "publishers/google/models/gemini-2.5-flash")
    assert not job.end_time
    watch = vertex.gateway.caller("ranking").watch(f"teams/ranking/batchJobs/{job.name.rpartition('/')[2]}")
    await watch.until(Ours.SUCCEEDED)
    ended = await vertex.get(job.name)
    assert (ended.state, bool(ended.end_time)) == (JobState.JOB_STATE_SUCCEEDED, True)
    assert ended.output_info.gcs_output_directory.startswith("gs://ranking-out/results/prediction-model-")
    assert ended.completion_stats.successful_count == 3
    operation = await vertex.client.delete_batch_prediction_job(name=job.name, metadata=vertex.metadata(), timeout=30)
    assert await operation.result(timeout=10) is not None
    with pytest.raises(exceptions.NotFound):
        await vertex.get(job.name)


async def test_names_are_taken_with_the_projects_id_and_with_its_number(start_vertex):
    def numbered(policy):
        policy["pools"][0]["project_number"] = 123456789012

    vertex = await start_vertex(role="api")
    await vertex.gateway.set_policy(numbered)
    job = await vertex.create(parent="projects/123456789012/locations/us-central1")
    number = job.name.rpartition("/")[2]
    for project in ("corp-ml", "123456789012"):
        assert (
            await vertex.get(f"projects/{project}/locations/us-central1/batchPredictionJobs/{number}")
        ).name == job.name
    for elsewhere in ("projects/other/locations/us-central1", "projects/corp-ml/locations/europe-west4"):
        with pytest.raises(exceptions.NotFound) as error:
            await vertex.get(f"{elsewhere}/batchPredictionJobs/{number}")
        assert "teams/" not in str(error.value)


async def test_a_project_in_which_the_team_has_no_pool_is_refused(vertex):
    with pytest.raises(exceptions.PermissionDenied) as error:
        await vertex.create(parent="projects/other/locations/us-central1")
    assert fields_of(error.value) == {"parent": "REGION_NOT_ALLOWED"}


async def test_another_teams_job_is_answered_as_one_that_is_not_there(vertex):
    job = await vertex.create()
    absent = job.name[:-1] + str((int(job.name[-1]) + 1) % 10)
    told = []
    for name in (job.name, absent):
        with pytest.raises(exceptions.NotFound) as error:
            await vertex.get(name, team="search")
        told.append(str(error.value).replace(name, "NAME"))
    assert told[0] == told[1]


async def test_a_job_is_the_same_resource_in_both_vocabularies(vertex):
    caller = vertex.gateway.caller("ranking")
    made = await caller.create(batch_job(display_name="ours", labels={"cost": "a"}))
    [theirs] = await vertex.list()
    assert (theirs.display_name, dict(theirs.labels)) == ("ours", {"cost": "a"})
    assert theirs.name.rpartition("/")[2] == made.name.rpartition("/")[2]
    await vertex.client.cancel_batch_prediction_job(name=theirs.name, metadata=vertex.metadata(), timeout=30)
    assert (await vertex.get(theirs.name)).state == JobState.JOB_STATE_CANCELLED
    assert (await vertex.get(theirs.name)).end_time


async def test_a_create_under_a_request_id_is_one_job(vertex):
    first = await vertex.create(x_batchjobs_request_id="night-1")
    assert (await vertex.create(x_batchjobs_request_id="night-1")).name == first.name
    with pytest.raises(exceptions.AlreadyExists):
        await vertex.create(a_job(display_name="other"), x_batchjobs_request_id="night-1")
    assert (await vertex.create()).name != first.name


async def test_a_create_is_the_same_with_the_projects_number_in_place_of_its_id(vertex):
    """And stays what it is where the policy forgets the number: a repeat of the very same request is one for ever."""
    by_number = "projects/123456789012/locations/us-central1"
    await vertex.gateway.set_policy(lambda policy: policy["pools"][0].update(project_number=123456789012))
    for request_id, first, second in (("night-1", PARENT, by_number), ("night-2", by_number, PARENT)):
        made = await vertex.create(parent=first, x_batchjobs_request_id=request_id)
        assert (await vertex.create(parent=second, x_batchjobs_request_id=request_id)).name == made.name
        with pytest.raises(exceptions.AlreadyExists):
            await vertex.create(a_job(display_name="other"), parent=second, x_batchjobs_request_id=request_id)
    await vertex.gateway.set_policy(lambda policy: policy["pools"][0].pop("project_number"))
    assert (await vertex.create(parent=by_number, x_batchjobs_request_id="night-2")).name == made.name
    with pytest.raises(exceptions.AlreadyExists):
        await vertex.create(parent=by_number, x_batchjobs_request_id="night-1")


async def test_creates_at_once_with_the_projects_id_and_with_its_number_are_one_job(vertex):
    await vertex.gateway.set_policy(lambda policy: policy["pools"][0].update(project_number=123456789012))
    parents = (PARENT, "projects/123456789012/locations/us-central1") * 4
    made = await asyncio.gather(*(vertex.create(parent=each, x_batchjobs_request_id="night-1") for each in parents))
    assert len({job.name for job in made}) == 1


async def test_a_misspelt_request_id_is_refused_and_makes_no_job(vertex):
    with pytest.raises(exceptions.InvalidArgument) as error:
        await vertex.create(x_batchjobs_reqest_id="night-1")
    assert fields_of(error.value) == {"x-batchjobs-reqest-id": "METADATA"}
    assert await vertex.list() == []


async def test_what_cannot_be_honoured_is_refused_by_its_own_name(vertex):
    job = a_job(
        name="projects/p/locations/l/batchPredictionJobs/1",
        service_account="robot@corp-ml.iam.gserviceaccount.com",
        dedicated_resources={"machine_spec": {"machine_type": "n1-standard-4"}},
        encryption_spec={"kms_key_name": "k"},
        input_config={"instances_format": "csv", "gcs_source": {"uris": ["gs://ranking-in/a", "gs://ranking-in/b"]}},
    )
    with pytest.raises(exceptions.InvalidArgument) as error:
        await vertex.create(job)
    prefix = "batch_prediction_job"
    assert fields_of(error.value) == {
        f"{prefix}.name": "FIELD_NOT_SERVED",
        f"{prefix}.service_account": "FIELD_NOT_SERVED",
        f"{prefix}.dedicated_resources": "FIELD_NOT_SERVED",
        f"{prefix}.encryption_spec": "FIELD_NOT_SERVED",
        f"{prefix}.input_config.instances_format": "FORMAT",
        f"{prefix}.input_config.gcs_source.uris": "TOO_MANY_SOURCES",
    }


async def test_empty_messages_within_count_as_absent(vertex):
    job = a_job(dedicated_resources={"machine_spec": {}}, explanation_spec={}, instance_config={})
    assert (await vertex.create(job)).name


async def test_refusals_name_vertexs_fields(vertex):
    job = a_job(display_name="x" * 129, model="", labels={"UPPER": "x"}, output_config={})
    with pytest.raises(exceptions.InvalidArgument) as error:
        await vertex.create(job, parent="nowhere")
    assert set(fields_of(error.value)) == {
        "parent",
        "batch_prediction_job.display_name",
        "batch_prediction_job.model",
        'batch_prediction_job.labels["UPPER"]',
        "batch_prediction_job.output_config",
    }
    assert "batch_job." not in str(error.value)


async def test_quota_and_place_are_refused_with_their_details(vertex):
    away = {"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": "gs://search-out/x"}}
    with pytest.raises(exceptions.PermissionDenied) as denied:
        await vertex.create(a_job(output_config=away))
    assert fields_of(denied.value) == {
        "batch_prediction_job.output_config.gcs_destination.output_uri_prefix": "URI_NOT_ALLOWED"
    }
    with pytest.raises(exceptions.FailedPrecondition):
        await vertex.create(parent="projects/corp-ml/locations/europe-west4")
    await vertex.gateway.set_policy(lambda policy: policy["defaults"]["quotas"].update(queued_jobs=0))
    with pytest.raises(exceptions.ResourceExhausted):
        await vertex.create()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["b", "a"]),
        ('display_name="a"', ["a"]),
        ('display_name:"*a*" AND labels.cost=1', ["a"]),
        ('NOT display_name="a"', ["b"]),
        ('state="JOB_STATE_QUEUED"', ["b", "a"]),
        ('state!="JOB_STATE_QUEUED"', []),
        ("labels.cost:*", ["a"]),
        ('model_display_name="gemini-2.5-flash" AND create_time>"2020-01-01T00:00:00Z"', ["b", "a"]),
    ],
)
async def test_lists_take_vertexs_filters(vertex, text, found):
    await vertex.create(a_job(display_name="a", labels={"cost": "1"}))
    await vertex.create(a_job(display_name="b"))
    assert [job.display_name for job in await vertex.list(filter=text)] == found


@pytest.mark.parametrize(
    "text", ['state="a" OR state="b"', "(state=a)", "size>1", "state=QUEUED", "state<", "a" * 5000]
)
async def test_filters_beyond_are_refused_by_name(vertex, text):
    with pytest.raises(exceptions.InvalidArgument) as error:
        await vertex.list(filter=text)
    assert set(fields_of(error.value)) == {"filter"}


async def test_pages_and_masks(vertex):
    for number in range(3):
        await vertex.create(a_job(display_name=str(number)))
    asked = {"page_size": 2, "read_mask": {"paths": ["name", "display_name"]}}
    found = await vertex.list(**asked)
    assert [job.display_name for job in found] == ["2", "1", "0"]
    assert {job.model for job in found} == {""}
    with pytest.raises(exceptions.InvalidArgument):
        await vertex.list(read_mask={"paths": ["nothing"]})
    with pytest.raises(exceptions.InvalidArgument):
        await vertex.list(page_token="stolen")


async def test_a_page_token_is_good_with_the_projects_number_and_with_its_id(vertex):
    """And for no other place."""
    await vertex.gateway.set_policy(lambda policy: policy["pools"][0].update(project_number=123456789012))
    made = [(await vertex.create(a_job(display_name=str(number)))).name for number in range(2)]
    parents = (PARENT, "projects/123456789012/locations/us-central1")

    async def page(parent: str, token: str = "") -> Any:
        asked = {"parent": parent, "page_size": 1, "page_token": token}
        pager = await vertex.client.list_batch_prediction_jobs(request=asked, metadata=vertex.metadata(), timeout=30)
        return await anext(pager.pages)

    for first, second in (parents, reversed(parents)):
        token = (await page(first)).next_page_token
        assert [job.name for job in (await page(second, token)).batch_prediction_jobs] == made[:1]
        with pytest.raises(exceptions.InvalidArgument, match="INVALID_PAGE_TOKEN"):
            await page("projects/corp-ml/locations/europe-west4", token)


async def test_jobs_of_a_pool_that_the_team_has_lost_stay_listed(vertex):
    """So a place where it never had one has an empty list, and tells nothing of who else has one there."""
    made = await vertex.create()
    await vertex.gateway.set_policy(lambda policy: policy["defaults"].update(pools=["corp-ml/europe-west4"]))
    assert [job.name for job in await vertex.list()] == [made.name]
    assert await vertex.list(parent="projects/never/locations/us-central1") == []


async def test_lists_hold_the_jobs_of_their_place_alone(vertex):
    await vertex.create()
    elsewhere = await vertex.list(parent="projects/corp-ml/locations/europe-west4")
    assert (len(await vertex.list()), elsewhere) == (1, [])


@pytest.mark.parametrize(("compatible", "state"), [(True, "JOB_STATE_FAILED"), (False, "JOB_STATE_EXPIRED")])
async def test_ends_that_old_loops_do_not_know_are_shown_as_ends_that_they_know(start_vertex, compatible, state):
    vertex = await start_vertex(role="api", compatible_end_states=compatible)
    job = await vertex.create()
    ours = f"teams/ranking/batchJobs/{job.name.rpartition('/')[2]}"
    await vertex.gateway.move(ours, State.EXPIRED)
    shown = await vertex.get(job.name)
    assert (shown.state, bool(shown.end_time), bool(shown.error.message)) == (JobState[state], True, True)
    assert len(await vertex.list(filter=f'state="{state}"')) == 1


UNTOLD = "Some rows have no result, and Vertex AI has not said why: see the status of each row in the output."


@pytest.mark.parametrize(
    ("compatible", "state"), [(True, "JOB_STATE_SUCCEEDED"), (False, "JOB_STATE_PARTIALLY_SUCCEEDED")]
)
@pytest.mark.parametrize(
    ("told", "shown"), [((Status(9, "Row 2 is empty."),), [(9, "Row 2 is empty.")]), ((), [(2, UNTOLD)])]
)
async def test_a_partial_success_is_an_end_that_never_looks_whole(start_vertex, compatible, state, told, shown):
    """It has failures even where Vertex told none, and no error: that would be raised as if nothing had come of it."""
    vertex = await start_vertex(role="api", compatible_end_states=compatible)
    job, whole = await vertex.create(a_job(display_name="part")), await vertex.create(a_job(display_name="whole"))
    for each, end, changes in (
        (job, State.PARTIALLY_SUCCEEDED, {"partial_failures": told}),
        (whole, State.SUCCEEDED, {}),
    ):
        await vertex.gateway.move(f"teams/ranking/batchJobs/{each.name.rpartition('/')[2]}", end, **changes)
    listed = {each.display_name: each for each in await vertex.list(filter=f'state="{state}"')}
    for found in (await vertex.get(job.name), listed["part"]):
        assert (found.state, bool(found.end_time), found.error.message) == (JobState[state], True, "")
        assert [(failure.code, failure.message) for failure in found.partial_failures] == shown
    assert not (await vertex.get(whole.name)).partial_failures
    assert ("whole" in listed) is compatible


async def test_a_caller_in_several_teams_says_which(vertex):
    """And whoever is in one need not. What is named is no right: that is asked after."""

    def shared(policy):
        for team in ("ranking", "search"):
            policy["teams"][team]["members"]["submitters"] += ["jwt:corp:both"]
        policy["teams"]["search"]["members"]["submitters"] += ["jwt:corp:one"]

    await vertex.gateway.set_policy(shared)
    policy = vertex.gateway.app.core.policies.current
    both, one, none = (Principal(f"jwt:corp:{name}") for name in ("both", "one", "none"))
    named = (("x-batchjobs-team", "ranking"),)
    assert team_of_call(policy, one, ()) == "search"
    assert [team_of_call(policy, who, named) for who in (both, one, none)] == ["ranking"] * 3
    for who, metadata, reason in (
        (both, (), Reason.INVALID_SPEC),
        (none, (), Reason.TEAM_FORBIDDEN),
        (both, named + named, Reason.INVALID_SPEC),
        (both, (("x-batchjobs-team", "Not a team"),), Reason.INVALID_SPEC),
    ):
        with pytest.raises(GatewayError) as refused:
            team_of_call(policy, who, metadata)
        assert refused.value.reason is reason


async def test_other_methods_of_the_service_say_what_is_served(vertex):
    with pytest.raises(exceptions.MethodNotImplemented) as error:
        await vertex.client.list_custom_jobs(parent=PARENT, metadata=vertex.metadata(), timeout=30)
    assert "CreateBatchPredictionJob" in str(error.value)


async def test_hostile_bytes_are_refused_calmly(vertex):
    path = "/google.cloud.aiplatform.v1.JobService/CreateBatchPredictionJob"
    for message in (
        b"\xff",
        b"\x0a\x02\xff\xfe",
        b"\x12\x05\x0a\x03\x00\x00\x00",
        b"\xfa\x01\x01x",
        b"\x12\x02\xf8\x7f",
    ):
        call = vertex.gateway.channel.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(message, metadata=vertex.metadata(), timeout=30)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_switched_off_it_is_not_there_and_nothing_of_google_is_imported_for_it(start_gateway):
    gateway = await start_gateway(role="api")
    call = gateway.channel.unary_unary("/google.cloud.aiplatform.v1.JobService/GetBatchPredictionJob")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(b"", metadata=(("x-batchjobs-team", "ranking"),), timeout=30)
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    program = (
        "import sys, gateway.app; sys.exit(any(name.startswith('google.cloud.aiplatform') for name in sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=subprocess.DEVNULL)
    assert await process.wait() == 0
