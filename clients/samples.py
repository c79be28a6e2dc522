"""The public sources that Google's samples read, as the emulator's buckets and tables; and one that takes long."""

from pathlib import Path
from typing import Final

import yaml

from gateway.cli.sample import EXAMPLES, LOCATIONS_FILE

OBJECTS: Final = (
    "batch/prompt_for_batch_gemini_predict.jsonl",
    "generative-ai/batch/batch_requests_for_multimodal_input.jsonl",
)
BUCKET: Final = "cloud-samples-data"
TABLE: Final = "storage-samples/generative_ai/batch_requests_for_multimodal_input"

GCS_SAMPLES: Final = tuple(f"gs://{BUCKET}/{each}" for each in OBJECTS)
BIGQUERY_SAMPLE: Final = f"bq://{TABLE.replace('/', '.')}"

LONG: Final = "gs://ranking-long/tickets.jsonl"
"""Takes a minute: what is to be cancelled must not have ended before, however slow the machine is."""
TIMES: Final = 40


def write_samples(buckets: Path, tables: Path) -> None:
    """Write something to predict where the samples look for it. The bucket lies in the US, as the real one does."""
    for name in OBJECTS:
        _copy("buckets/ranking-in/tickets.jsonl", buckets / BUCKET / name)
    _copy("buckets/ranking-in/tickets.jsonl", buckets / LONG.removeprefix("gs://"), TIMES)
    _copy("tables/corp-ml/ranking_in/tickets.jsonl", tables / f"{TABLE}.jsonl")
    places = yaml.safe_load((EXAMPLES / "buckets" / LOCATIONS_FILE).read_text())
    places["buckets"][BUCKET] = {"location": "US"}
    (buckets / LOCATIONS_FILE).write_text(yaml.safe_dump(places))


def _copy(sample: str, to: Path, times: int = 1) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes((EXAMPLES / sample).read_bytes() * times)
