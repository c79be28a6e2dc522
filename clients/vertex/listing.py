"""What stands beside a program's own batch job when it lists: one of the same display name, and one of another."""

import re
from dataclasses import replace

import grpc
from google.cloud.aiplatform_v1 import BatchPredictionJob, JobServiceClient

from clients.programs import Ending
from clients.standing import Standing

SOURCE, DESTINATION = "gs://ranking-in/tickets.jsonl", "gs://ranking-out/{}"
FOUND = r"(?m)^found projects/.*/batchPredictionJobs/{}$"


def beside(name: str, parent: str, bearer: str, standing: Standing) -> tuple[str, str]:
    """Create both; answers their ids, that of the display name `name` first."""
    roots = grpc.ssl_channel_credentials(standing.ca.read_bytes())
    token = grpc.access_token_call_credentials(standing.token(bearer).read_text().strip())
    with grpc.secure_channel(standing.endpoint, grpc.composite_channel_credentials(roots, token)) as channel:
        client = JobServiceClient(transport=JobServiceClient.get_transport_class("grpc")(channel=channel))
        same, other = (
            client.create_batch_prediction_job(parent=parent, batch_prediction_job=job(shown, f"{name}_{place}"))
            for shown, place in ((name, "same"), (f"{name}_other", "other"))
        )
    return id_of(same), id_of(other)


def job(display_name: str, place: str) -> BatchPredictionJob:
    """A small batch job; `place` is its own, since no two write to one."""
    places = {
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [SOURCE]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": DESTINATION.format(place)},
        },
    }
    return BatchPredictionJob(display_name=display_name, model="publishers/google/models/gemini-2.5-flash", **places)


def id_of(created: BatchPredictionJob) -> str:
    return str(created.name).rpartition("/")[2]


def lists_two(wanted: Ending, same: str, other: str) -> Ending:
    """The ending of a run that must list its own batch job and the one of the same name, each once, and no other."""
    counts = ((FOUND.format(r"\d+"), 2), (FOUND.format(re.escape(same)), 1), (FOUND.format(re.escape(other)), 0))
    return replace(wanted, counts=counts)
