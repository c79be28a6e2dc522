"""The page of docs/ that keeps the last table."""

from collections.abc import Sequence
from pathlib import Path

from bench.rows import Row, table

HEAD = """\
# Speed and size

`make bench` takes these figures and prints them; `make bench WRITE=1` also keeps them here. It takes about ten minutes,
and nothing else should run on the machine meanwhile. Most figures are ratios of two things measured in the same run, in
turn, so that the machine cancels out. Load comes from a small Go program of our own, `bench/load`, that spreads
names and counts statuses: a single call that does not end OK fails the row. It is built when it is first needed, with
Go 1.26 or newer; without Go the figures that need it are not taken. `make bench` ends with an error where a target is
missed or a figure was not taken.

The gateway process has one core for itself. PostgreSQL, with `fsync` on, the Vertex emulator, the load generator and,
for REST, Envoy share the others. The bare server is `grpc.aio` on uvloop with one method that answers the same message.
A ratio or a difference is the median of the rounds' own; what stands beside it are medians too, and need not add up.
"""


NOTES = Path(__file__).with_name("notes.md")
"""What the profile shows about figures that are near their targets, or miss them."""


def page(machine: str, rows: Sequence[Row]) -> str:
    """The whole page: the table, what was missed by how much, and why figures are what they are."""
    parts = [f"{HEAD}\n## The last table\n\nTaken on: {machine}\n\n{table(rows)}\n"]
    if missed := [row for row in rows if row.met is False]:
        lines = [f"- {row.figure.strip()}: {row.measured}, where {row.target} was meant" for row in missed]
        parts.append("\n".join(["## Missed", "", *lines, ""]))
    return "\n".join([*parts, NOTES.read_text(encoding="utf-8")])
