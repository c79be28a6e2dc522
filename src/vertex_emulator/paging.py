"""Pages of a list of jobs: newest first, with tokens that stay right while jobs come and go."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from vertex_emulator.errors import invalid
from vertex_emulator.jobs import Job


@dataclass(frozen=True)
class Page:
    """Some jobs, and the token for those that follow; empty at the end."""

    jobs: list[Job]
    next_token: str


def page(jobs: Iterable[Job], query: str, size: int, token: str) -> Page:
    """The jobs after the token's, newest first.

    `query` is what else the request says; a token of another query is INVALID_ARGUMENT, as are garbled ones.
    """
    after = _read(token, query) if token else None
    ordered = sorted(jobs, key=_key, reverse=True)
    rest = [job for job in ordered if after is None or _key(job) < after]
    chosen = rest[:size]
    return Page(chosen, _write(chosen[-1], query) if len(rest) > size else "")


def page_size(wanted: int, limit: int) -> int:
    """The size to use for the one in a request: its own up to the limit; 0 means the limit."""
    if wanted < 0:
        raise invalid("page_size must not be negative.")
    return min(wanted or limit, limit)


def _key(job: Job) -> tuple[datetime, str]:
    return job.create_time, job.id


def _write(last: Job, query: str) -> str:
    written = json.dumps([last.create_time.isoformat(), last.id, _digest(query)])
    return base64.urlsafe_b64encode(written.encode()).decode()


def _read(token: str, query: str) -> tuple[datetime, str]:
    try:
        moment, job_id, digest = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        key = datetime.fromisoformat(moment), str(job_id)
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid("page_token is invalid.") from error
    if digest != _digest(query) or key[0].tzinfo is None:
        raise invalid("page_token belongs to a request with another parent or filter.")
    return key


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]
