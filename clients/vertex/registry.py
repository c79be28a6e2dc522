"""Every client of Vertex AI that is tried. A program with several ways to call takes the way from `BATCHJOBS_WAY`."""

import sys
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class VertexClient:
    """A client library in one of its ways, and the program that holds it. `rest`: the way goes over REST."""

    language: str
    """The toolchain that its program needs."""
    library: str
    command: tuple[str, ...]
    way: str = ""
    rest: bool = False

    @property
    def program(self) -> str:
        """What it is called in the table."""
        return f"{self.language}: {self.library}{self.way and f', {self.way}'}"

    @property
    def slug(self) -> str:
        """The same for names of batch jobs, objects and tables."""
        return "".join(each if each.isalnum() else "_" for each in self.program.lower())


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"clients.vertex.python.{module}")


def _node(program: str) -> tuple[str, ...]:
    return ("clients/vertex/node/start", program)


def _java(program: str) -> tuple[str, ...]:
    return ("java", "-XX:TieredStopAtLevel=1", "-cp", "clients/vertex/java/target/vertex.jar", f"vertex.{program}")


VERTEX_CLIENTS: Final = (
    VertexClient("Python", "google-genai", _python("gen_ai"), "sync", rest=True),
    VertexClient("Python", "google-genai", _python("gen_ai"), "async", rest=True),
    VertexClient("Python", "JobServiceClient", _python("job_service"), "grpc"),
    VertexClient("Python", "JobServiceClient", _python("job_service"), "rest", rest=True),
    VertexClient("Python", "JobServiceAsyncClient", _python("job_service"), "async"),
    VertexClient("Python", "BatchPredictionJob", _python("batch_prediction_job"), "grpc"),
    VertexClient("Python", "BatchPredictionJob", _python("batch_prediction_job"), "rest", rest=True),
    VertexClient("Go", "cloud.google.com/go/aiplatform", ("build/vertex/aiplatform",)),
    VertexClient("Go", "google.golang.org/genai", ("build/vertex/genai",), rest=True),
    VertexClient("Node", "@google-cloud/aiplatform", _node("aiplatform"), "grpc"),
    VertexClient("Node", "@google-cloud/aiplatform", _node("aiplatform"), "rest", rest=True),
    VertexClient("Node", "@google/genai", _node("genai"), rest=True),
    VertexClient("Java", "google-cloud-aiplatform", _java("AiPlatform")),
    VertexClient("Java", "google-genai", _java("GenAi"), rest=True),
    VertexClient("curl", "REST", ("clients/vertex/curl/batch.sh",), rest=True),
)
