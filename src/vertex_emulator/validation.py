"""What Vertex checks of a job at create, from the request alone: form, formats, model, labels."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

from vertex_emulator.errors import FieldViolation, invalid
from vertex_emulator.labels import label_problems
from vertex_emulator.names import Place

_MAX_DISPLAY_NAME = 128
_PUBLISHER = re.compile(r"(?:projects/([^/]+)/locations/([^/]+)/)?publishers/([^/]+)/models/([^/]+)")
_TUNED = re.compile(r"projects/([^/]+)/locations/([^/]+)/models/([^/@]+)(?:@[^/]+)?")
_GCS_URI = re.compile(r"gs://([^/]+)/(.*)", re.DOTALL)
_TABLE_URI = re.compile(r"bq://((?:[^.:]+(?:\.[^.:]+)*:)?[^.:]+)\.(\w+)\.([\w -]+)")
_NOT_FOR_GEMINI = (
    "unmanaged_container_model",
    "dedicated_resources",
    "manual_batch_tuning_parameters",
    "explanation_spec",
    "encryption_spec",
    "instance_config",
)


def check_job(job: Any, place: Place, models: tuple[str, ...], *, global_bigquery: bool) -> None:
    """INVALID_ARGUMENT with every violation, where a job's message is not one that Vertex would take."""
    found = [*_violations(job, place, models)]
    if place.region == "global" and not global_bigquery:
        found += _table_problems(job)
    violations = tuple(FieldViolation(f"batch_prediction_job.{field}", message) for field, message in found)
    if violations:
        listed = " ".join(
            f"{number}.Field: {violation.field}; Message: {violation.message}"
            for number, violation in enumerate(violations, 1)
        )
        raise invalid(f"List of found errors: {listed}", *violations)


def split_gcs_uri(uri: str) -> tuple[str, str]:
    """Bucket and object (or prefix) of a checked `gs://` URI."""
    match = _GCS_URI.fullmatch(uri)
    if match is None:
        raise invalid(f"Invalid Cloud Storage URI: {uri!r}")
    return match[1], match[2]


def split_table_uri(uri: str) -> tuple[str, str, str]:
    """Project, dataset and table of a checked `bq://` URI."""
    match = _TABLE_URI.fullmatch(uri)
    if match is None:
        raise invalid(f"Invalid BigQuery URI: {uri!r}")
    return match[1], match[2], match[3]


def model_display_name(model: str) -> str:
    """The short name of a model, from any of its forms."""
    return model.rsplit("/", 1)[-1]


def _violations(job: Any, place: Place, models: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if not job.display_name:
        yield "display_name", "Required field is not set."
    elif len(job.display_name) > _MAX_DISPLAY_NAME:
        yield "display_name", f"Must be at most {_MAX_DISPLAY_NAME} characters long."
    yield from (("model", problem) for problem in _model_problems(job.model, place, models))
    yield from _source_problems(job.input_config)
    yield from _destination_problems(job.output_config)
    yield from (("labels", problem) for problem in label_problems(job.labels))
    for field in _NOT_FOR_GEMINI:
        if job.HasField(field):
            yield field, "Is not supported for this model."
    if job.model_parameters.WhichOneof("kind") not in {None, "struct_value", "null_value"}:
        yield "model_parameters", "Must be a JSON object."
    if job.service_account:
        yield "service_account", "Is not supported for this model."


def _model_problems(model: str, place: Place, models: tuple[str, ...]) -> Iterator[str]:
    publisher, tuned = _PUBLISHER.fullmatch(model), _TUNED.fullmatch(model)
    match = publisher or tuned
    if match is None:
        yield f"Invalid model name {model!r}: it must be that of a publisher model or of a tuned model."
        return
    if match[2] is not None and match[2] != place.region:
        yield f"The model is in location {match[2]}, the job in {place.region}; they must be the same."
    if publisher and not (publisher[3] == "google" and any(fnmatch.fnmatchcase(publisher[4], m) for m in models)):
        yield f"The publisher model {model} does not exist or does not support batch prediction."
    if tuned and place.region == "global":
        yield "Location global serves base models only."


def _source_problems(config: Any) -> Iterator[tuple[str, str]]:
    field = "input_config"
    source = config.WhichOneof("source")
    if source is None:
        yield field, "A source must be set."
        return
    if source == "bigquery_source":
        yield from _format_problems(field, "instances_format", config, "bigquery")
        yield from _table_uri_problems(f"{field}.bigquery_source.input_uri", config.bigquery_source.input_uri)
        return
    if source != "gcs_source":
        yield f"{field}.{source}", "This emulator reads from Cloud Storage and BigQuery."
        return
    yield from _format_problems(field, "instances_format", config, "jsonl")
    uris = config.gcs_source.uris
    if len(uris) != 1:
        yield f"{field}.gcs_source.uris", f"Exactly one file is expected, not {len(uris)}."
    yield from (
        (f"{field}.gcs_source.uris", problem) for uri in uris for problem in _uri_problems(uri, needs_object=True)
    )


def _destination_problems(config: Any) -> Iterator[tuple[str, str]]:
    field = "output_config"
    destination = config.WhichOneof("destination")
    if destination is None:
        yield field, "A destination must be set."
        return
    if destination == "bigquery_destination":
        yield from _format_problems(field, "predictions_format", config, "bigquery")
        yield from _table_uri_problems(
            f"{field}.bigquery_destination.output_uri", config.bigquery_destination.output_uri
        )
        return
    if destination != "gcs_destination":
        yield f"{field}.{destination}", "This emulator writes to Cloud Storage and BigQuery."
        return
    yield from _format_problems(field, "predictions_format", config, "jsonl")
    prefix = config.gcs_destination.output_uri_prefix
    problems = _uri_problems(prefix if "/" in prefix.removeprefix("gs://") else prefix + "/", needs_object=False)
    yield from ((f"{field}.gcs_destination.output_uri_prefix", problem) for problem in problems)


def _format_problems(field: str, name: str, config: Any, wanted: str) -> Iterator[tuple[str, str]]:
    given = getattr(config, name)
    if given != wanted:
        yield f"{field}.{name}", f"{given!r} is not supported here; use {wanted!r}."


def _table_uri_problems(field: str, uri: str) -> Iterator[tuple[str, str]]:
    if _TABLE_URI.fullmatch(uri) is None:
        yield field, f"Invalid BigQuery URI {uri!r}: it must be bq://project.dataset.table."


def _table_problems(job: Any) -> Iterator[tuple[str, str]]:
    for field in ("input_config.bigquery_source", "output_config.bigquery_destination"):
        config, _, name = field.partition(".")
        if getattr(job, config).HasField(name):
            yield field, "BigQuery is not supported in location global."


def _uri_problems(uri: str, *, needs_object: bool) -> Iterator[str]:
    match = _GCS_URI.fullmatch(uri)
    if match is None or (needs_object and not match[2]):
        yield f"Invalid Cloud Storage URI: {uri!r}."
    elif "*" in uri:
        yield f"A wildcard is not supported: {uri!r}."
