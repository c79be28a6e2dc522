"""The `gateway` command."""

import click

from gateway.cli.dev import dev
from gateway.cli.migrate import migrate
from gateway.cli.policy import policy
from gateway.cli.rest_config import rest_config
from gateway.cli.serve import serve
from gateway.cli.simulate import simulate
from gateway.cli.top import top


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="batch-jobs-gateway")
def main() -> None:
    """The Batch Jobs Gateway: Gemini batch prediction on Vertex AI for many teams, fairly and exactly once."""


main.add_command(serve)
main.add_command(dev)
main.add_command(migrate)
main.add_command(policy)
main.add_command(rest_config)
main.add_command(simulate)
main.add_command(top)
