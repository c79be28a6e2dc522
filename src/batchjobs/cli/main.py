"""The group of commands and its entry point."""

import io
import sys
from typing import Any

import click

from batchjobs.cli.change import cancel, delete
from batchjobs.cli.completion import PROGRAM, completion
from batchjobs.cli.exits import INTERRUPTED, MEANING, SUCCEEDED, UNWRITTEN, USAGE, StoppedError
from batchjobs.cli.printing import discard, say, unwritten
from batchjobs.cli.read import get, list_
from batchjobs.cli.submit import submit
from batchjobs.cli.usage import usage
from batchjobs.cli.watch import watch

# \b is click's mark for a paragraph that keeps its lines.
EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"{code:>5}  {meaning}" for code, meaning in MEANING.items())


class Commands(click.Group):
    """The commands. Whoever reads what one of them writes on and on may go at any time: that is no failure."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and answer its exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # for which click would exit with 1
            return SUCCEEDED


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="batch-jobs-gateway")
def cli() -> None:
    """Run batches of Gemini requests through the Batch Jobs Gateway.

    Options of the connection may be given as variables: BATCHJOBS_ENDPOINT for --endpoint, and so on.
    """


for command in (submit, get, list_, watch, cancel, delete, usage, completion):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Everything foreseen ends in a sentence and an exit code, never in a traceback."""
    _prepare_streams()
    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except StoppedError as stop:
        say(stop)
        code = stop.code
    except click.ClickException as error:
        code = _usage(error)
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.")
        code = INTERRUPTED
    except UnicodeEncodeError:
        say("An argument holds bytes that are not text.")
        code = USAGE
    except OSError as error:  # of click's own output: help and version
        discard(sys.stdout)
        say(unwritten(error))
        code = UNWRITTEN
    sys.exit(code)


def _prepare_streams() -> None:
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.BytesIO())
    if sys.stdout is None:
        say("Standard output is closed. Nothing was done.")
        sys.exit(USAGE)
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown by its number, so that it ends no command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _usage(error: click.ClickException) -> int:
    try:
        error.show()
    except OSError:
        discard(sys.stderr)
    return error.exit_code
