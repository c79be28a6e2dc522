"""Small policy files for tests, and the problems of a broken one as plain text."""

from textwrap import dedent

import pytest

from gateway.policy.load import PolicyError, parse_policy
from gateway.policy.model import Policy

POOLS = """\
pools:
  - {project: corp-ml, region: us-central1, capacity: 4}
  - {project: corp-ml, region: europe-west4, capacity: 2}
"""


def policy(text: str) -> Policy:
    """The policy that the text gives."""
    return parse_policy(dedent(text))


def with_team(settings: str, *, name: str = "ranking", extra: str = "") -> str:
    """Two pools and one team with these settings, one a line; `extra` is put between them."""
    lines = "\n".join(f"    {line}" for line in dedent(settings).strip().splitlines())
    return f"{POOLS}{dedent(extra)}\nteams:\n  {name}:\n{lines}\n"


def problems(text: str | bytes) -> list[str]:
    """What is wrong with the text, each as `line: path: reason`."""
    content = dedent(text) if isinstance(text, str) else text
    with pytest.raises(PolicyError) as caught:
        parse_policy(content, "p")
    return [str(problem).removeprefix("p:").strip() for problem in caught.value.problems]
