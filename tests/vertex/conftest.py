"""A gateway that speaks Vertex's JobService too, and Google's own unmodified client."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.cloud.aiplatform_v1.services.job_service import JobServiceAsyncClient
from google.cloud.aiplatform_v1.services.job_service.transports import JobServiceGrpcAsyncIOTransport

from support.gateway import Gateway

PARENT = "projects/corp-ml/locations/us-central1"


@dataclass
class Vertex:
    """A caller that knows nothing of the gateway but where it is."""

    gateway: Gateway
    client: JobServiceAsyncClient

    def metadata(self, team: str = "ranking", **more: str) -> tuple[tuple[str, str], ...]:
        return (("x-batchjobs-team", team), *((key.replace("_", "-"), value) for key, value in more.items()))

    async def create(self, job: dict[str, Any] | None = None, *, parent: str = PARENT, **metadata: str) -> Any:
        return await self.client.create_batch_prediction_job(
            parent=parent, batch_prediction_job=job or a_job(), metadata=self.metadata(**metadata), timeout=30
        )

    async def get(self, name: str, **metadata: str) -> Any:
        return await self.client.get_batch_prediction_job(name=name, metadata=self.metadata(**metadata), timeout=30)

    async def list(self, **request: Any) -> list[Any]:
        asked = {"parent": PARENT, **request}
        pager = await self.client.list_batch_prediction_jobs(request=asked, metadata=self.metadata(), timeout=30)
        return [job async for job in pager]


def a_job(**changes: Any) -> dict[str, Any]:
    """A batch prediction job of team ranking that every check lets through."""
    return {
        "display_name": "nightly",
        "model": "publishers/google/models/gemini-2.5-flash",
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": ["gs://ranking-in/rows.jsonl"]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": "gs://ranking-out/results"},
        },
    } | changes


@pytest.fixture
def start_vertex(start_gateway: Any) -> Callable[..., Awaitable[Vertex]]:
    async def start(**options: Any) -> Vertex:
        gateway = await start_gateway(vertex_api=True, **options)
        gateway.write_rows("gs://ranking-in/rows.jsonl")
        channel = grpc.aio.insecure_channel(gateway.app.api_target)
        return Vertex(gateway, JobServiceAsyncClient(transport=JobServiceGrpcAsyncIOTransport(channel=channel)))

    return start
