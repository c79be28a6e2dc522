"""The group of commands and its entry point."""

import io
import os
import sys
from typing import Any

import click

from batchjobs.cli.change import cancel, delete
from batchjobs.cli.completion import PROGRAM, completion
from batchjobs.cli.exits import INTERRUPTED, MEANING, SUCCEEDED, USAGE, StoppedError
from batchjobs.cli.read import get, list_
from batchjobs.cli.submit import submit
from batchjobs.cli.usage import usage
from batchjobs.cli.watch import watch

# \b is click's mark for a paragraph that keeps its lines.
EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"{code:>5}  {meaning}" for code, meaning in MEANING.items())


class Commands(click.Group):
    """The commands. Whoever reads their output may go at any time, as `head` does: that is no failure."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and answer its exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Or the interpreter would fail on it once more when it closes its output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return SUCCEEDED


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="batch-jobs-gateway")
def cli() -> None:
    """Run batches of Gemini requests through the Batch Jobs Gateway.

    BATCHJOBS_ENDPOINT and BATCHJOBS_TEAM stand in for --endpoint and --team.
    """


for command in (submit, get, list_, watch, cancel, delete, usage, completion):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Everything foreseen ends in a sentence and an exit code, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown by its number, so that it ends no command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except StoppedError as stop:
        click.echo(stop, err=True)
        code = stop.code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        code = INTERRUPTED
    except UnicodeEncodeError:
        click.echo("An argument holds bytes that are not text.", err=True)
        code = USAGE
    sys.exit(code)
