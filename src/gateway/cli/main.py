"""The `gateway` command. A command's module is imported when it is asked for: `serve` does without the others'."""

from importlib import import_module
from typing import Any, Final

import click

COMMANDS: Final = ("serve", "dev", "migrate", "policy", "rest-config", "simulate", "top")


class Commands(click.Group):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - every context has the same
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: Any = getattr(import_module(f"gateway.cli.{name}"), name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="batch-jobs-gateway")
def main() -> None:
    """The Batch Jobs Gateway: Gemini batch prediction on Vertex AI for many teams, fairly and exactly once."""
