"""The progress of one batch job on the error stream: live on a terminal, else a line for each change."""

import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from batchjobs.cli.printing import say
from batchjobs.cli.text import phase_start, phases, plain, rows, since, span, state_name, waiting
from batchjobs.client import BatchJob

BAR_WIDTH: Final = 32


class Progress:
    """Shows the batch job that it was told of last. `total` is how many rows it has, 0 where only Vertex AI knows.

    `quiet` shows nothing.
    """

    def __init__(self, *, total: int = 0, quiet: bool = False) -> None:
        self._batch_job, self._total = BatchJob(), total
        self._trouble, self._until = "", 0.0
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

    def __rich__(self) -> RenderableType:
        """What is live at this moment; rich asks several times a second."""
        now = datetime.now(UTC)
        spinning = self._spinner.render(time.monotonic())
        head = line(self._batch_job, span(since(phase_start(self._batch_job), now))) + self._note()
        shown: list[RenderableType] = [Text.assemble(spinning, " ", head)]  # type: ignore[arg-type]  # a spinner without a text renders one
        if bar := _bar(self._batch_job, self._total):
            shown.append(bar)
        if times := phases(self._batch_job, now):
            shown.append(Padding(Text(times, style="dim"), (0, 0, 0, 2), expand=False))
        return Group(*shown)

    def tell(self, batch_job: BatchJob) -> None:
        """Show this from now on."""
        self._batch_job, self._trouble = batch_job, ""
        if self._live or self._quiet:
            return
        said = line(batch_job, "")
        if said != self._said:
            say(said)
            self._said = said

    def trouble(self, what: str, seconds: float) -> None:
        """Say that the stream was interrupted, and when it is tried again."""
        self._trouble, self._until = plain(what), time.monotonic() + seconds
        if not self._live:
            say(f"{self._trouble}, watching again in {seconds:.1f} s")

    def _note(self) -> str:
        """Of the interruption, as long as it is one: a stream that is open again need not bring news."""
        left = self._until - time.monotonic()
        return f" · {self._trouble}, watching again in {left:.0f} s" if self._trouble and left > 0 else ""


def line(batch_job: BatchJob, age: str) -> str:
    """`RUNNING 03:12 · 480 ok, 12 failed`, `QUEUED 00:10 · POOL_FULL, 3 before it`."""
    state = f"{state_name(batch_job.state)} {age}".strip()
    return " · ".join(part for part in (state, waiting(batch_job), rows(batch_job)) if part)


def counted(batch_job: BatchJob, total: int) -> tuple[int, int]:
    """How many rows are done, and of how many: Vertex AI's count where it has one, else `total`; 0 where unknown."""
    told = batch_job.rows
    done = told.succeeded + told.failed
    return done, (done + told.incomplete if told.HasField("incomplete") else max(total, done) if total else 0)


def _bar(batch_job: BatchJob, total: int) -> RenderableType | None:
    done, of = counted(batch_job, total)
    if not of:
        return None
    bar = Table.grid(padding=(0, 1))
    bar.add_column()
    bar.add_column(max_width=BAR_WIDTH)
    bar.add_column(no_wrap=True)
    numbers = f"{done:,} of {of:,} rows, {100 * done // of} %"
    bar.add_row(" ", ProgressBar(total=of, completed=done, width=BAR_WIDTH), numbers)
    return bar
