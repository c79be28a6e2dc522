"""What a team uses: read from rows, never from increments that a crash could leak."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.domain.waits import Wait
from gateway.store.connections import Session
from gateway.store.model import Usage
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, Row

SQL: Final = load("creates", columns=COLUMNS_OF_B)


@dataclass(frozen=True, slots=True)
class Standing:
    """A team's revision and usage at the store's time `now`. A team without a row stands at zero."""

    revision: int
    usage: Usage
    now: datetime


def read_waits(text: str | None) -> tuple[Wait, ...]:
    """The waits that an account remembers; none where the schema does not know them yet."""
    return tuple(
        Wait(datetime.fromtimestamp(end, UTC), timedelta(seconds=seconds)) for end, seconds in json.loads(text or "[]")
    )


async def read_standing(session: Session, team: str) -> Standing:
    """Counts of rows, and the counters on the team's row."""
    row = await session.row(SQL["standing"], team)
    if row is None:
        raise AssertionError("the query answers one row for every team")
    return standing_of(row)


def standing_of(row: Row) -> Standing:
    """The standing that a row with its columns tells of."""
    usage = Usage(
        active_jobs=row["active_jobs"],
        queued_jobs=row["queued_jobs"],
        bucket_used=row["bucket_used"] or 0.0,
        bucket_time=row["bucket_time"],
        day=row["day"],
        day_jobs=row["day_jobs"] or 0,
        day_input_bytes=row["day_input_bytes"] or 0,
    )
    return Standing(row["revision"] or 0, usage, row["now"])
