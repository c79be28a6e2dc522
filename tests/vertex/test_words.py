"""Refusals as Google's own client shows them: nothing in them is a word that its users do not know."""

from typing import Any

import pytest
from google.api_core import exceptions
from google.rpc import error_details_pb2

from gateway.domain.states import State
from vertex.conftest import PARENT, Vertex, a_job


@pytest.fixture
async def vertex(start_vertex: Any) -> Vertex:
    """A gateway that never leads: what is created stays queued."""
    started: Vertex = await start_vertex(role="api")
    return started


async def deleted(vertex: Vertex, name: str) -> Any:
    return await vertex.client.delete_batch_prediction_job(name=name, metadata=vertex.metadata(), timeout=30)


def resource(error: exceptions.GoogleAPICallError) -> tuple[str, str]:
    """What the refusal is about: type and name."""
    [found] = [each for each in error.details if isinstance(each, error_details_pb2.ResourceInfo)]
    return found.resource_type, found.resource_name


def violations(error: exceptions.GoogleAPICallError) -> list[str]:
    """The sentences of all violations."""
    kinds = (error_details_pb2.BadRequest, error_details_pb2.PreconditionFailure)
    details = [each for each in error.details if isinstance(each, kinds)]
    fields = [getattr(each, "field_violations", None) or each.violations for each in details]
    return [violation.description for each in fields for violation in each]


async def test_a_request_id_that_is_taken_names_the_job_that_has_it(vertex):
    """By its own place, which need not be the one that is asked for now, and by the header that it came in."""
    made = await vertex.create(x_batchjobs_request_id="night-1")
    with pytest.raises(exceptions.AlreadyExists, match="The x-batchjobs-request-id 'night-1' was used") as error:
        await vertex.create(parent="projects/other/locations/europe-west4", x_batchjobs_request_id="night-1")
    assert resource(error.value) == ("aiplatform.googleapis.com/BatchPredictionJob", made.name)
    assert "Send a new x-batchjobs-request-id for" in str(error.value)
    assert "teams/" not in str(error.value)


async def test_a_repeat_of_a_deleted_job_names_the_place_where_it_was_to_go(vertex):
    made = await vertex.create(x_batchjobs_request_id="night-1")
    await vertex.client.cancel_batch_prediction_job(name=made.name, metadata=vertex.metadata(), timeout=30)
    await deleted(vertex, made.name)
    with pytest.raises(exceptions.NotFound, match="that the x-batchjobs-request-id 'night-1' made") as error:
        await vertex.create(x_batchjobs_request_id="night-1")
    assert resource(error.value) == ("aiplatform.googleapis.com/BatchPredictionJob", PARENT)
    assert "teams/" not in str(error.value)


async def test_a_job_that_goes_on_is_told_by_vertexs_state(vertex):
    made = await vertex.create()
    await vertex.gateway.move(f"teams/ranking/batchJobs/{made.name.rpartition('/')[2]}", State.SUBMITTING)
    with pytest.raises(exceptions.FailedPrecondition) as error:
        await deleted(vertex, made.name)
    way_out = "Cancel it, get it until it has ended, and delete it then."
    assert error.value.message.startswith(f"{made.name} has not ended. {way_out}")
    assert violations(error.value) == [f"It is JOB_STATE_PENDING. {way_out}"]


async def test_another_location_is_asked_for_in_parent(vertex):
    with pytest.raises(exceptions.FailedPrecondition) as error:
        await vertex.create(parent="projects/corp-ml/locations/europe-west4")
    assert "Set the location of parent to us-central1, or" in error.value.message
    assert all("Set the location of parent to us-central1, or" in each for each in violations(error.value))
    assert "et region" not in str(error.value)


async def test_a_model_of_another_location_is_not_made_up_for_by_leaving_a_region_out(vertex):
    await vertex.gateway.set_policy(lambda policy: policy["defaults"].update(models=["projects/**", "gemini-*"]))
    with pytest.raises(exceptions.PermissionDenied) as error:
        await vertex.create(a_job(model="projects/corp-ml/locations/europe-west4/models/77"))
    sentence = "The model lies in europe-west4, not in us-central1: name the same location in parent and model."
    assert violations(error.value) == [sentence]
    assert error.value.message.startswith(f"parent: {sentence}")
