"""The page of docs/ that keeps the last table."""

from collections.abc import Sequence

from bench.rows import Row, table

HEAD = """\
# Speed and size

`make bench` takes these figures and prints them; `make bench WRITE=1` also keeps them here. It takes about six minutes,
and nothing else should run on the machine meanwhile. Most figures are ratios of two things measured in the same run, in
turn, so that the machine cancels out. Load comes from a small Go program of our own, `bench/load`, that spreads
names and counts statuses: a single call that does not end OK fails the row.

The gateway process has one core for itself. PostgreSQL, with `fsync` on, the Vertex emulator and the load generator
share the others. The bare server is `grpc.aio` on uvloop with one method that answers the same message.
"""


def page(machine: str, rows: Sequence[Row]) -> str:
    """The whole page."""
    return f"{HEAD}\n## The last table\n\nTaken on: {machine}\n\n{table(rows)}\n"
