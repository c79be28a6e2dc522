"""The contract holds what the design names, follows the improvement proposals, and its examples are true."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from google.api import annotations_pb2, client_pb2, field_behavior_pb2, resource_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from batchjobs.v1 import batch_jobs_pb2, errors_pb2
from gateway.domain.states import State
from gateway.errors import DOMAIN, Reason

PROTO = Path(__file__).resolve().parents[2] / "protos/batchjobs/v1/batch_jobs.proto"
SERVICE = batch_jobs_pb2.DESCRIPTOR.services_by_name["BatchJobs"]
METHODS = list(SERVICE.methods)
MESSAGES = list(batch_jobs_pb2.DESCRIPTOR.message_types_by_name.values())
BEHAVIOR = field_behavior_pb2.FieldBehavior


def fields(message: Descriptor) -> list[str]:
    return [field.name for field in message.fields]


def behaviors(field: FieldDescriptor) -> list[int]:
    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def comment_of(method: str) -> str:
    """The comment above an RPC, without its slashes."""
    before = PROTO.read_text().split(f"  rpc {method}(")[0]
    lines = []
    for line in reversed(before.splitlines()):
        if not line.startswith("  //"):
            break
        lines.append(line.removeprefix("  //").removeprefix(" "))
    return "\n".join(reversed(lines))


def test_the_service_has_every_rpc_of_the_design() -> None:
    assert SERVICE.full_name == "batchjobs.v1.BatchJobs"
    assert {(m.name, m.output_type.name, m.server_streaming) for m in METHODS} == {
        ("CreateBatchJob", "BatchJob", False),
        ("GetBatchJob", "BatchJob", False),
        ("ListBatchJobs", "ListBatchJobsResponse", False),
        ("CancelBatchJob", "BatchJob", False),
        ("DeleteBatchJob", "Empty", False),
        ("WatchBatchJob", "WatchEvent", True),
        ("WatchBatchJobs", "WatchEvent", True),
        ("GetTeamUsage", "TeamUsage", False),
    }
    assert all(m.input_type.name == f"{m.name}Request" and not m.client_streaming for m in METHODS)


def test_a_batch_job_has_every_field_of_the_design() -> None:
    assert fields(batch_jobs_pb2.BatchJob.DESCRIPTOR) == [
        *("name", "display_name", "model", "region", "priority", "gcs_source", "bigquery_source", "gcs_destination"),
        *("bigquery_destination", "model_parameters", "labels", "max_queue_duration", "state", "effective_model"),
        *("effective_region", "pool", "creator", "waiting", "transitions", "attempts", "error", "partial_failures"),
        *("rows", "output", "vertex_job", "create_time", "submit_time", "start_time", "end_time", "update_time"),
        *("expire_time", "revision"),
    ]


def test_absence_can_be_told_from_zero_where_it_means_something() -> None:
    unset = batch_jobs_pb2.BatchJob()
    assert not unset.HasField("priority")
    assert not unset.HasField("rows")
    assert not batch_jobs_pb2.BatchJob.Waiting().HasField("position")
    assert not batch_jobs_pb2.BatchJob.Rows().HasField("incomplete")
    assert not batch_jobs_pb2.TeamUsage.Limit().HasField("limit")


def test_the_states_are_those_of_the_domain() -> None:
    assert set(batch_jobs_pb2.BatchJob.State.keys()) == {"STATE_UNSPECIFIED", *State}


def test_the_waiting_reasons_are_those_of_the_design() -> None:
    assert batch_jobs_pb2.WaitingReason.keys() == [
        *("WAITING_REASON_UNSPECIFIED", "POOL_FULL", "TEAM_LIMIT", "GATE_CLOSED", "OTHERS_HOLD_POOL", "TEAM_PAUSED"),
        *("POOL_DRAINING", "TEAM_REMOVED", "NO_LEADER", "DISPATCHING"),
    ]


def test_every_reason_that_the_gateway_refuses_with_is_in_the_contract() -> None:
    refusals = {name for name, number in errors_pb2.ErrorReason.items() if 0 < number < 100}
    assert refusals == set(Reason)
    assert DOMAIN in PROTO.read_text()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_every_rpc_has_a_path_and_a_signature(method: MethodDescriptor) -> None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb, path = rule.WhichOneof("pattern"), getattr(rule, rule.WhichOneof("pattern"))
    expected = {"Create": "post", "Cancel": "post", "Delete": "delete"}
    assert verb == next((v for start, v in expected.items() if method.name.startswith(start)), "get")
    assert path.startswith("/v1/{")
    assert (":watch" in path) == method.name.startswith("Watch")
    assert path.endswith(":cancel") == method.name.startswith("Cancel")
    signatures = method.GetOptions().Extensions[client_pb2.method_signature]
    assert all(field in method.input_type.fields_by_name for field in signatures[0].split(","))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_every_field_of_a_request_says_whether_it_is_required(method: MethodDescriptor) -> None:
    for field in method.input_type.fields:
        assert behaviors(field) in ([BEHAVIOR.REQUIRED], [BEHAVIOR.OPTIONAL]), field.full_name
        if field.name in {"name", "parent"}:
            reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
            assert (reference.type or reference.child_type).startswith("batchjobs.gateway/")


def test_every_field_of_a_batch_job_says_who_sets_it() -> None:
    first_output = batch_jobs_pb2.BatchJob.DESCRIPTOR.fields_by_name["state"].number
    for field in batch_jobs_pb2.BatchJob.DESCRIPTOR.fields:
        if field.containing_oneof and field.containing_oneof.name in {"source", "destination"}:
            assert behaviors(field) == []
        elif field.number >= first_output:
            assert behaviors(field) == [BEHAVIOR.OUTPUT_ONLY], field.name
        else:
            assert behaviors(field)[0] in {BEHAVIOR.IDENTIFIER, BEHAVIOR.REQUIRED, BEHAVIOR.OPTIONAL}, field.name


def test_resources_name_their_patterns() -> None:
    found = [message.GetOptions().Extensions[resource_pb2.resource] for message in MESSAGES]
    assert {(r.type, r.pattern[0]) for r in found if r.type} == {
        ("batchjobs.gateway/BatchJob", "teams/{team}/batchJobs/{batch_job}"),
        ("batchjobs.gateway/TeamUsage", "teams/{team}/usage"),
    }


@pytest.mark.parametrize("module", [batch_jobs_pb2, errors_pb2], ids=["batch_jobs", "errors"])
def test_other_languages_get_packages_of_their_own(module: ModuleType) -> None:
    options = module.DESCRIPTOR.GetOptions()
    assert options.go_package.endswith(";batchjobsv1")
    assert options.java_package == "gateway.batchjobs.v1"
    assert options.java_multiple_files


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_every_rpc_names_its_errors_and_shows_a_call_that_parses(method: MethodDescriptor) -> None:
    comment = comment_of(method.name)
    named = re.findall(r"\b[A-Z]+_[A-Z_]+\b|NOT_FOUND", comment.split("Errors:")[1].split("Example:")[0])
    assert named
    codes = {"PERMISSION_DENIED"}
    assert set(named) - codes <= set(errors_pb2.ErrorReason.keys())
    example = comment.split("Example:")[1]
    assert f"{SERVICE.full_name}/{method.name}" in example
    body = re.search(r"-d '(.*?)'", example, re.DOTALL)
    assert body
    request: Message = json_format.Parse(body[1], GetMessageClass(method.input_type)())
    assert request.ByteSize() > 0


@pytest.mark.parametrize("method", [m for m in METHODS if m.name != "DeleteBatchJob"], ids=lambda m: m.name)
def test_every_answer_survives_json(method: MethodDescriptor) -> None:
    """What transcoding proxies and grpcurl do with it."""
    answer = GetMessageClass(method.output_type)()
    assert json_format.Parse(json_format.MessageToJson(answer), GetMessageClass(method.output_type)()) == answer
