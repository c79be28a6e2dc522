"""Standard output and the error stream, either of which may fail or be closed while a command runs."""

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

from rich.console import Console, RenderableType

from batchjobs.cli.exits import UNWRITTEN, StoppedError

WIDE: Final = 1000
"""Columns where nobody looks at a terminal: no line is cut."""


def out(text: str, *otherwise: str) -> None:
    """A command's answer on standard output. Whoever reads it may have gone, as `head` does: that is no failure.

    Args:
        text: the answer.
        otherwise: what to say on the error stream where the answer reaches nobody, so that a batch job that was
            submitted can still be found.

    Raises:
        StoppedError: standard output cannot be written.
    """
    try:
        stream(text, *otherwise)
    except BrokenPipeError:
        for line in otherwise:
            say(line)


def stream(text: str, *otherwise: str) -> None:
    """As `out`, of a command that goes on and on: BrokenPipeError ends it when its reader has gone."""
    try:
        _write(sys.stdout, text)
    except OSError as error:
        discard(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise StoppedError(UNWRITTEN, unwritten(error), *otherwise) from error


def out_table(*parts: RenderableType) -> None:
    """Tables on standard output, as wide as they are where that is no terminal."""
    console = Console(highlight=False, width=width())
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    out("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def width() -> int:
    """How many columns a table on standard output may have."""
    return Console().width if on_terminal() else WIDE


def say(text: object) -> None:
    """A line on the error stream. What cannot be told there is told nobody, and the work goes on."""
    try:
        _write(sys.stderr, str(text))
    except OSError:
        discard(sys.stderr)


def _write(to: TextIO, text: str) -> None:
    to.write(f"{text}\n")
    to.flush()


def unwritten(error: OSError) -> str:
    return f"Standard output cannot be written: {error.strerror or error}."


def on_terminal() -> bool:
    return sys.stdout.isatty()


def discard(broken: TextIO) -> None:
    """Let what is still to be written go nowhere, or the interpreter would fail on it once more when it ends."""
    with suppress(OSError):  # Not every stream has a descriptor.
        os.dup2(os.open(os.devnull, os.O_WRONLY), broken.fileno())
