"""The messages of Vertex AI's JobService that concern batch prediction, and a descriptor of its service.

Google's package takes a second to import and much memory, so nothing is imported before `load` is called. It describes
no service either, only messages: the service stands here, with the paths that Google's REST API has.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.api import annotations_pb2
from google.longrunning import operations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2
from google.protobuf.descriptor import ServiceDescriptor

PACKAGE: Final = "google.cloud.aiplatform.v1"
SERVICE: Final = f"{PACKAGE}.JobService"

_PLACE: Final = "projects/*/locations/*"
_JOB: Final = f"{{name={_PLACE}/batchPredictionJobs/*}}"


@dataclass(frozen=True, slots=True)
class VertexMessages:
    """The service and the classes of its messages, bare of Google's wrapper."""

    service: ServiceDescriptor
    job: Any
    list_response: Any
    delete_metadata: Any


@cache
def load() -> VertexMessages:
    """Import Google's messages; called in a thread, since it takes long the first time."""
    from google.cloud.aiplatform_v1.types import batch_prediction_job, job_service, operation

    requests = {
        name: getattr(job_service, f"{name}Request").pb().DESCRIPTOR
        for name in (
            *("CreateBatchPredictionJob", "GetBatchPredictionJob", "ListBatchPredictionJobs"),
            *("CancelBatchPredictionJob", "DeleteBatchPredictionJob"),
        )
    }
    job = batch_prediction_job.BatchPredictionJob.pb()
    listed = job_service.ListBatchPredictionJobsResponse.pb()
    return VertexMessages(
        _described(requests, job.DESCRIPTOR, listed.DESCRIPTOR), job, listed, operation.DeleteOperationMetadata.pb()
    )


def _described(requests: dict[str, Any], job: Any, listed: Any) -> ServiceDescriptor:
    answers: dict[str, tuple[Any, dict[str, str]]] = {
        "CreateBatchPredictionJob": (
            job,
            {"post": f"/v1/{{parent={_PLACE}}}/batchPredictionJobs", "body": "batch_prediction_job"},
        ),
        "GetBatchPredictionJob": (job, {"get": f"/v1/{_JOB}"}),
        "ListBatchPredictionJobs": (listed, {"get": f"/v1/{{parent={_PLACE}}}/batchPredictionJobs"}),
        "CancelBatchPredictionJob": (empty_pb2.Empty.DESCRIPTOR, {"post": f"/v1/{_JOB}:cancel", "body": "*"}),
        "DeleteBatchPredictionJob": (operations_pb2.Operation.DESCRIPTOR, {"delete": f"/v1/{_JOB}"}),
    }
    file = descriptor_pb2.FileDescriptorProto(name="gateway/vertex/job_service.proto", package=PACKAGE, syntax="proto3")
    used = [*requests.values(), *(answer for answer, _ in answers.values())]
    file.dependency.extend(dict.fromkeys([annotations_pb2.DESCRIPTOR.name, *(each.file.name for each in used)]))
    service = file.service.add(name="JobService")
    for name, (answer, rule) in answers.items():
        method = service.method.add(
            name=name, input_type=f".{requests[name].full_name}", output_type=f".{answer.full_name}"
        )
        options: Any = method.options
        for key, value in rule.items():
            setattr(options.Extensions[annotations_pb2.http], key, value)
    pool: Any = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    found: ServiceDescriptor = pool.FindServiceByName(SERVICE)
    return found
