"""From the policy file to the policy in force, or to every reason why not, each with its line and its path."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.policy.model import Policy


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a policy file."""

    file: str
    line: int
    """Counted from one; 0 where the problem is the file itself."""
    path: str
    """Where in the document, as `teams.ranking.sources[0]`; "" is the document."""
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.reason}" if self.path else f"{place}: {self.reason}"


class PolicyError(Exception):
    """A policy file is refused as a whole. `problems` holds everything that is wrong, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def load_policy(path: Path | str) -> Policy:
    """Read and judge a policy file. It blocks: call it in a thread where an event loop runs.

    Raises:
        PolicyError: the file cannot be read, does not parse, or contradicts itself.

    """
    raise PolicyError([Problem(str(path), 0, "", "cannot be read yet")])


def parse_policy(text: str, file: str = "policy.yaml") -> Policy:
    """Judge a policy given as text; `file` is the name that problems carry.

    Raises:
        PolicyError: the text does not parse or contradicts itself.

    """
    raise PolicyError([Problem(file, 0, "", f"cannot be read yet: {text[:0]}")])
