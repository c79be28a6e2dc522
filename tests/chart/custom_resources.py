"""Custom resources, held to the schemas that their operators bring into a cluster."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from chart.rendered import Manifest

SCHEMAS = Path(__file__).parent / "schemas"
"""One schema a kind, as released: prometheus-operator 0.93.0 and cert-manager 1.21. Each says where it is from."""

KINDS = {
    "Certificate": "cert-manager.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}


def is_custom(manifest: Manifest) -> bool:
    return KINDS.get(manifest["kind"]) == manifest["apiVersion"]


def problems(manifest: Manifest) -> list[str]:
    """A line for everything that the operator's schema does not take; empty where it takes all."""
    found = _validator(manifest["kind"]).iter_errors(manifest)
    return [f"{error.json_path}: {error.message}" for error in found]


@cache
def _validator(kind: str) -> Any:
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text())
    return jsonschema.Draft202012Validator(closed(schema))


def closed(schema: Any) -> Any:
    """The schema, with fields that it does not name refused: a cluster drops them without a word."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    names_its_fields = schema.get("type") == "object" and "properties" in schema
    return {**inner, "additionalProperties": False} if names_its_fields else inner
