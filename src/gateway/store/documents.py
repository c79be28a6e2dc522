"""The JSON documents inside a row: the spec as sent, attempts, transitions, and what Vertex said.

Keys are written only where they say something and read with defaults, so that versions side by side understand each
other. Times are ISO 8601 with microseconds and zone, durations whole microseconds.
"""

from datetime import datetime, timedelta
from itertools import chain, repeat
from sys import intern
from typing import Any, Final

from gateway.domain.batch_job import (
    Attempt,
    AttemptOutcome,
    BigQueryDestination,
    BigQuerySource,
    Destination,
    GcsDestination,
    GcsSource,
    Source,
    Spec,
    Transition,
)
from gateway.domain.states import State
from gateway.domain.vertex_job import Output, Rows, Status

Document = dict[str, Any]
_MICROSECOND: Final = timedelta(microseconds=1)


def write_spec(spec: Spec) -> Document:
    """The spec, with what the caller left out left out."""
    bound = spec.max_queue_duration
    sent: Document = {
        "model": spec.model,
        "source": _write_source(spec.source),
        "destination": _write_destination(spec.destination),
        "display_name": spec.display_name or None,
        "region": spec.region or None,
        "project": spec.project or None,
        "priority": spec.priority,
        "model_parameters": dict(spec.model_parameters) or None,
        "labels": dict(spec.labels) or None,
        "max_queue_duration_us": None if bound is None else bound // _MICROSECOND,
    }
    return {key: value for key, value in sent.items() if value is not None}


def read_spec(document: Document) -> Spec:
    """What `write_spec` wrote."""
    bound = document.get("max_queue_duration_us")
    return Spec(
        model=document["model"],
        source=_read_source(document["source"]),
        destination=_read_destination(document["destination"]),
        display_name=document.get("display_name", ""),
        region=document.get("region", ""),
        priority=document.get("priority"),
        model_parameters=document.get("model_parameters", {}),
        labels=document.get("labels", {}),
        max_queue_duration=None if bound is None else bound * _MICROSECOND,
        project=document.get("project", ""),
    )


def write_attempt(attempt: Attempt) -> Document:
    """One attempt; the outcome only once there is one."""
    document: Document = {
        "id": attempt.id,
        "number": attempt.number,
        "time": attempt.time.isoformat(),
        "term": attempt.term,
        "policy_hash": attempt.policy_hash,
        "capacity": attempt.capacity,
        "team_limit": attempt.team_limit,
    }
    if attempt.outcome is not None:
        document |= {
            "outcome": attempt.outcome.value,
            "outcome_time": _write_time(attempt.outcome_time),
            "outcome_reason": attempt.outcome_reason,
        }
    return document


def read_attempt(document: Document) -> Attempt:
    """What `write_attempt` wrote."""
    outcome = document.get("outcome")
    return Attempt(
        id=document["id"],
        number=document["number"],
        time=datetime.fromisoformat(document["time"]),
        term=document["term"],
        policy_hash=document["policy_hash"],
        capacity=document["capacity"],
        team_limit=document["team_limit"],
        outcome=None if outcome is None else AttemptOutcome(outcome),
        outcome_time=_read_time(document.get("outcome_time")),
        outcome_reason=document.get("outcome_reason", ""),
    )


def write_transition(transition: Transition) -> Document:
    """One entry of the history."""
    return {
        "state": transition.state.value,
        "time": transition.time.isoformat(),
        "reason": transition.reason,
        "actor": transition.actor,
        "revision": transition.revision,
    }


def read_transition(document: Document) -> Transition:
    """What `write_transition` wrote."""
    return Transition(
        state=State[document["state"]],
        time=datetime.fromisoformat(document["time"]),
        # Few of either are different, and many are held.
        reason=intern(document["reason"]),
        actor=intern(document["actor"]),
        revision=document["revision"],
    )


def read_history(documents: list[Document], held: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """All entries. Those that are held at the same place are taken from there: a change only adds to them."""
    known = chain(held, repeat(None))
    return tuple(
        [
            entry if entry is not None and _is_written(entry, document) else read_transition(document)
            for document, entry in zip(documents, known, strict=False)
        ]
    )


def _is_written(entry: Transition, document: Document) -> bool:
    same = entry.revision == document["revision"] and entry.reason == document["reason"]
    same = same and entry.state == document["state"] and entry.actor == document["actor"]
    return same and entry.time == datetime.fromisoformat(document["time"])


def write_status(status: Status) -> Document:
    return {"code": status.code, "message": status.message}


def read_status(document: Document) -> Status:
    return Status(document["code"], document["message"])


def write_rows(rows: Rows) -> Document:
    return {"succeeded": rows.succeeded, "failed": rows.failed, "incomplete": rows.incomplete}


def read_rows(document: Document) -> Rows:
    return Rows(document["succeeded"], document["failed"], document["incomplete"])


def write_output(output: Output) -> Document:
    return {"gcs_directory": output.gcs_directory, "bigquery_table": output.bigquery_table}


def read_output(document: Document) -> Output:
    return Output(document["gcs_directory"], document["bigquery_table"])


def _write_source(source: Source) -> Document:
    return {"gcs_uri": source.uri} if isinstance(source, GcsSource) else {"bigquery_table": source.table}


def _read_source(document: Document) -> Source:
    return GcsSource(document["gcs_uri"]) if "gcs_uri" in document else BigQuerySource(document["bigquery_table"])


def _write_destination(destination: Destination) -> Document:
    if isinstance(destination, GcsDestination):
        return {"gcs_output_uri_prefix": destination.output_uri_prefix}
    return {"bigquery_table": destination.table}


def _read_destination(document: Document) -> Destination:
    if "gcs_output_uri_prefix" in document:
        return GcsDestination(document["gcs_output_uri_prefix"])
    return BigQueryDestination(document["bigquery_table"])


def _write_time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
