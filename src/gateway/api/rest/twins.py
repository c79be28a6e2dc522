"""The twins of the services that are served over REST."""

from functools import cache
from typing import Final

from gateway.api.batch_jobs.servicer import SERVICE
from gateway.api.rest.routes import annotated_routes
from gateway.api.rest.twin import Twin
from gateway.cloud import vertex_messages

VERTEX_VERSIONS: Final = ("v1", "v1beta1")
"""Of these, Google's Gen AI SDKs call the second. For batch prediction they have the same messages."""


@cache
def batch_jobs_twin() -> Twin:
    """The unary methods of `batchjobs.v1.BatchJobs`, at the paths of their annotations."""
    return Twin(SERVICE, annotated_routes(SERVICE))


@cache
def vertex_twin() -> Twin:
    """The methods of Vertex's JobService, at the paths of Google's REST API. It imports Google's package, which takes
    long.
    """
    service = vertex_messages.load().service
    return Twin(service, annotated_routes(service, VERTEX_VERSIONS))


def rest_twins(*, vertex_api: bool) -> tuple[Twin, ...]:
    """All that a front serves."""
    return (batch_jobs_twin(), vertex_twin()) if vertex_api else (batch_jobs_twin(),)
