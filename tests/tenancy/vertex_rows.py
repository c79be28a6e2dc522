"""How each RPC of Vertex's JobService is asked. Its names have no team, so that stands in the metadata."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.message import Message

from gateway.api.metadata import REQUEST_ID_HEADER
from gateway.cloud.vertex_messages import load
from gateway.identity.development import TEAM_HEADER
from tenancy.rows import Asked, Metadata, Right, Row, Target

VERTEX_SERVICE: Any = load().service
PARENT = "projects/corp-ml/locations/us-central1"
SEARCH_PARENT = "projects/corp-search/locations/europe-west4"
"""Where team search has its one pool, which is no other team's."""


def request(method: str, **fields: Any) -> Message:
    """A request of the service."""
    message: Message = message_factory.GetMessageClass(VERTEX_SERVICE.methods_by_name[method].input_type)(**fields)
    return message


def vertex_job(team: str = "ranking", **changes: Any) -> dict[str, Any]:
    """A batch prediction job of the team that every check lets through."""
    return {
        "model": "publishers/google/models/gemini-2.5-flash",
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [f"gs://{team}-in/rows.jsonl"]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": f"gs://{team}-out/results"},
        },
    } | changes


def _name(at: Target) -> str:
    return f"{PARENT}/batchPredictionJobs/{at.id}"


def _row(
    right: Right, method: str, fields: Callable[[Target], Any], more: Callable[[Target], Metadata] = lambda _: ()
) -> Row:
    return Row(right, lambda at: Asked(request(method, **fields(at)), ((TEAM_HEADER, at.team), *more(at))))


VERTEX_ROWS: Mapping[str, Row] = {
    "CreateBatchPredictionJob": _row(
        Right.WRITE,
        "CreateBatchPredictionJob",
        lambda _: {"parent": PARENT, "batch_prediction_job": vertex_job()},
        lambda at: ((REQUEST_ID_HEADER, at.request_id),),
    ),
    "GetBatchPredictionJob": _row(Right.READ, "GetBatchPredictionJob", lambda at: {"name": _name(at)}),
    "ListBatchPredictionJobs": _row(
        Right.READ,
        "ListBatchPredictionJobs",
        lambda at: {"parent": PARENT, "page_token": at.page_token, "page_size": 1},
    ),
    "CancelBatchPredictionJob": _row(Right.CANCEL, "CancelBatchPredictionJob", lambda at: {"name": _name(at)}),
    "DeleteBatchPredictionJob": _row(Right.WRITE, "DeleteBatchPredictionJob", lambda at: {"name": _name(at)}),
}
