"""The progress of one batch job on the error stream: one live line on a terminal, else a line for each change."""

import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from batchjobs.cli.text import phase_start, plain, rows, since, span, state_name, waiting
from batchjobs.v1.batch_jobs_pb2 import BatchJob


class Progress:
    """Shows the batch job that it was told of last. `quiet` shows nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._batch_job = BatchJob()
        self._note = ""
        self._said = ""
        self._quiet = quiet
        self._live: Live | None = None
        if not quiet and sys.stderr.isatty():
            self._live = Live(self, console=Console(stderr=True), refresh_per_second=8, transient=True)
        self._spinner = Spinner("dots")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def __rich__(self) -> Spinner:
        """What the live line is at this moment; rich asks several times a second."""
        age = span(since(phase_start(self._batch_job), datetime.now(UTC)))
        self._spinner.update(text=Text(f"{line(self._batch_job, age)}{self._note}", overflow="ellipsis", no_wrap=True))
        return self._spinner

    def tell(self, batch_job: BatchJob) -> None:
        """Show this from now on."""
        self._batch_job, self._note = batch_job, ""
        if self._live or self._quiet:
            return
        said = line(batch_job, "")
        if said != self._said:
            click.echo(said, err=True)
            self._said = said

    def trouble(self, what: str) -> None:
        """Say that the stream was interrupted."""
        self._note = f" · {plain(what)}"
        if not self._live:
            click.echo(plain(what), err=True)


def line(batch_job: BatchJob, age: str) -> str:
    """`RUNNING 03:12 · 480 ok, 12 failed`, `QUEUED 00:10 · POOL_FULL, 3 before it`."""
    state = f"{state_name(batch_job.state)} {age}".strip()
    return " · ".join(part for part in (state, waiting(batch_job), rows(batch_job)) if part)
