"""What the emulator's tests share: rows, jobs, Google's storage client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.aiplatform_v1.types import BatchPredictionJob

from vertex_emulator import Emulator

PARENT = "projects/corp-ml/locations/us-central1"


def row(text: str, **request: Any) -> dict[str, Any]:
    return {"request": {"contents": [{"role": "user", "parts": [{"text": text}]}], **request}}


def write_rows(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")


def storage_client(emulator: Emulator) -> storage.Client:
    return storage.Client(
        project="corp-ml",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator.storage_url},
    )


def job(**changes: Any) -> BatchPredictionJob:
    """A job that runs the small input; `changes` replace fields."""
    fields: dict[str, Any] = {
        "display_name": "rivers",
        "model": "publishers/google/models/gemini-2.5-flash",
        "input_config": {
            "instances_format": "jsonl",
            "gcs_source": {"uris": ["gs://team-in/input.jsonl"]},
        },
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": "gs://team-out/results"},
        },
        "labels": {"team": "ranking"},
    }
    return BatchPredictionJob({**fields, **changes})


def output_rows(folder: Path, made: BatchPredictionJob) -> list[dict[str, Any]]:
    directory = made.output_info.gcs_output_directory.removeprefix("gs://")
    text = (folder / directory / "predictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


in_thread = asyncio.to_thread


def details_of(error: Any, kind: Any) -> Any:
    """The detail of one kind that an error of Google's client carries."""
    return next(detail for detail in error.details if isinstance(detail, kind))
