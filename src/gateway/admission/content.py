"""The content of a create as one hash: what tells a retry from another request under the same `request_id`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from gateway.admission.fields import destination_field, source_field
from gateway.domain.batch_job import Spec
from gateway.policy.model import Policy

VERSION: Final = "1"


def content_hash(spec: Spec) -> str:
    """The SHA-256, in hexadecimal, of a canonical form of the spec as sent: before aliases, defaults and inference.

    The order of labels and parameters does not count, nor does the language that serialised them. An absent field does
    not appear at all, so a field that a later version adds leaves old hashes as they are.
    """
    canonical = json.dumps(_canonical(spec), sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"{VERSION}:{canonical}".encode()).hexdigest()


def spelled_otherwise(policy: Policy, spec: Spec) -> frozenset[str]:
    """The hashes of the same content with its project's id in place of the number, or the number in place of the id.

    They are compared with, never stored: what is stored is the spec as sent, so that a repeat of the very same request
    is known as one whatever the policy says by then.
    """
    names = ({pool.id.project, pool.project_number} for pool in policy.pools.values())
    others = {other for same in names if spec.project in same for other in same} - {"", spec.project}
    return frozenset(content_hash(replace(spec, project=other)) for other in others) if spec.project else frozenset()


def _canonical(spec: Spec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "display_name": spec.display_name,
        "model": spec.model,
        "region": spec.region,
        "project": spec.project,
        source_field(spec.source): spec.source_uri,
        destination_field(spec.destination): spec.destination_uri,
        "model_parameters": _value(spec.model_parameters),
        "labels": dict(spec.labels),
    }
    kept = {name: value for name, value in fields.items() if value not in ("", {})}
    if spec.priority is not None:
        kept["priority"] = spec.priority
    if spec.max_queue_duration is not None:
        kept["max_queue_microseconds"] = spec.max_queue_duration // timedelta(microseconds=1)
    return kept


def _value(value: Any) -> Any:
    """The value with every number as a double, which is all that a protobuf Struct knows."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(value)
        case Mapping():
            return {name: _value(item) for name, item in value.items()}
        case _:
            return [_value(item) for item in value]
