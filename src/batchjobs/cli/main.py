"""The group of commands and its entry point."""

import sys

import click

from batchjobs.cli.change import cancel, delete
from batchjobs.cli.completion import PROGRAM, completion
from batchjobs.cli.exits import INTERRUPTED, USAGE, StoppedError
from batchjobs.cli.read import get, list_
from batchjobs.cli.submit import submit
from batchjobs.cli.usage import usage
from batchjobs.cli.watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="batch-jobs-gateway")
def cli() -> None:
    """Run batches of Gemini requests through the Batch Jobs Gateway.

    BATCHJOBS_ENDPOINT and BATCHJOBS_TEAM stand in for --endpoint and --team.

    \b
    Exit codes: 0 done or succeeded, 2 wrong usage, 3 refused, 4 quota used up,
    5 failed, cancelled or expired, 6 succeeded in part, 7 gateway unavailable,
    130 interrupted.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines


for command in (submit, get, list_, watch, cancel, delete, usage, completion):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Everything foreseen ends in a sentence and an exit code, never in a traceback."""
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
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not fail on it once more when it closes.
        sys.stdout = sys.stderr
        code = 0
    sys.exit(code)
