"""What Google's messages hold, field by field. A field that Google adds is in no list here: somebody must choose."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.vertex.job_in import SERVED, is_empty, violations_of
from gateway.api.vertex.words import JOB as JOB_FIELD
from gateway.cloud.vertex_messages import load
from support.messages import messages, messages_with

JOB = load().job.DESCRIPTOR

HONOURED = {
    "display_name",
    "model",
    "model_parameters",
    "labels",
    "input_config",
    "input_config.instances_format",
    "input_config.gcs_source",
    "input_config.gcs_source.uris",
    "input_config.bigquery_source",
    "input_config.bigquery_source.input_uri",
    "output_config",
    "output_config.predictions_format",
    "output_config.gcs_destination",
    "output_config.gcs_destination.output_uri_prefix",
    "output_config.bigquery_destination",
    "output_config.bigquery_destination.output_uri",
}
NOT_OFFERED = {
    "model_version_id",
    "unmanaged_container_model",
    "input_config.vertex_multimodal_dataset_source",
    "instance_config",
    "output_config.vertex_multimodal_dataset_destination",
    "dedicated_resources",
    "service_account",
    "manual_batch_tuning_parameters",
    "generate_explanation",
    "explanation_spec",
    "encryption_spec",
    "disable_container_logging",
}
NOT_THE_CALLERS = {
    *("name", "output_info", "state", "error", "partial_failures", "resources_consumed", "completion_stats"),
    *("create_time", "start_time", "end_time", "update_time", "satisfies_pzs", "satisfies_pzi"),
}
REQUESTS = {
    "CreateBatchPredictionJob": {"parent", "batch_prediction_job"},
    "GetBatchPredictionJob": {"name"},
    "ListBatchPredictionJobs": {"parent", "filter", "page_size", "page_token", "read_mask"},
    "CancelBatchPredictionJob": {"name"},
    "DeleteBatchPredictionJob": {"name"},
}
"""All of these are honoured."""


def _paths(kind: Descriptor, prefix: str = "") -> Iterator[str]:
    """Every field's path, and those within fields that are honoured."""
    for field in kind.fields:
        path = f"{prefix}{field.name}"
        yield path
        inner = field.message_type
        if path in HONOURED and inner is not None and not _is_leaf(inner):
            yield from _paths(inner, f"{path}.")


def _is_leaf(kind: Descriptor) -> bool:
    return kind.full_name.startswith("google.protobuf.") or kind.GetOptions().map_entry


def _served(fields: Any, prefix: str = "") -> Iterator[str]:
    for name, inner in fields.items():
        yield f"{prefix}{name}"
        yield from _served(inner or {}, f"{prefix}{name}.")


def test_every_field_of_a_job_is_honoured_or_refused() -> None:
    assert set(_paths(JOB)) == HONOURED | NOT_OFFERED | NOT_THE_CALLERS
    assert set(_served(SERVED)) == HONOURED


def test_every_field_of_a_request_is_known() -> None:
    assert {
        method.name: {each.name for each in method.input_type.fields} for method in load().service.methods
    } == REQUESTS


def _set_paths(message: Any, prefix: str = "") -> Iterator[str]:
    """What the message says: the paths that have a value, down to where a field is not honoured."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if path in HONOURED and field.message_type is not None and not _is_leaf(field.message_type):
            yield from _set_paths(value, f"{path}.")
        elif not is_empty(value):
            yield path


@pytest.mark.parametrize("path", sorted(NOT_OFFERED | NOT_THE_CALLERS))
@given(data=st.data())
def test_each_field_that_is_not_offered_is_refused_by_its_name(path: str, data: st.DataObject) -> None:
    job = load().job()
    *parents, name = path.split(".")
    holder = job
    for parent in parents:
        holder = getattr(holder, parent)
    holder.SetInParent()
    holder.MergeFrom(data.draw(messages_with(holder.DESCRIPTOR, name)))
    assert _refused(job) == ([f"{JOB_FIELD}.{path}"] if path in _set_paths(job) else [])


@given(job=messages(JOB))
def test_whatever_a_job_says_that_is_not_honoured_is_refused_all_in_one_answer(job: Any) -> None:
    said = {f"{JOB_FIELD}.{path}" for path in set(_set_paths(job)) - HONOURED}
    assert said == {path for path in _refused(job) if path.removeprefix(f"{JOB_FIELD}.") not in HONOURED}


def _refused(job: Any) -> list[str]:
    return [each.field for each in violations_of(job)]
