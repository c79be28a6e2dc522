"""`batchjobs completion`, and what a shell may complete beside commands and options."""

from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from batchjobs.cli.connection import SHARED, connect
from batchjobs.cli.exits import StoppedError
from batchjobs.cli.newest import newest
from batchjobs.cli.printing import out
from batchjobs.cli.text import plain, state_name
from batchjobs.client import BatchJob

PROGRAM: Final = "batchjobs"
VARIABLE: Final = "_BATCHJOBS_COMPLETE"
SECONDS: Final = 1.0
"""What a user who has pressed the Tab key may be made to wait."""
MOST: Final = 30


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash: eval "$(batchjobs completion bash)"    in ~/.bashrc
    zsh:  eval "$(batchjobs completion zsh)"     in ~/.zshrc, after compinit
    fish: batchjobs completion fish | source     in ~/.config/fish/config.fish
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(f"click has no completion for {shell}")
    out(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def batch_job_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The team's newest batch jobs, by id or by full name; none where the gateway does not answer at once."""
    options = {name: value for name, value in context.params.items() if name in SHARED and name != "timeout"}
    try:
        connection = connect(**options, timeout=SECONDS)
        connection.need_team()
        connection.say = lambda _what, _seconds: None
        found = connection.run(lambda client: newest(client, MOST))
    except (click.UsageError, StoppedError):
        return []
    named = ((one.name if incomplete.startswith("t") else one.name.rpartition("/")[2], one) for one in found)
    return [CompletionItem(name, help=_about(one)) for name, one in named if name.startswith(incomplete)]


def _about(batch_job: BatchJob) -> str:
    """`RUNNING, nightly`; fish and zsh show it beside the name."""
    words = (state_name(batch_job.state), plain(batch_job.display_name))
    return ", ".join(word for word in words if word)
