"""What is wrong with a policy file: every problem, each with its line, its path in the document and its reason."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

Path = tuple[str | int, ...]
"""A place in the document: keys of maps and indexes of lists, from the top."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_LENGTH: Final = 80


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a policy file."""

    file: str
    line: int
    """Counted from one; 0 where the problem is the file itself."""
    path: str
    """Where in the document, as `teams.ranking.sources[0]`; "" is the whole document."""
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.reason}" if self.path else f"{place}: {self.reason}"


class PolicyError(Exception):
    """A policy file is refused as a whole. `problems` holds everything that is wrong, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def about_file(cls, file: object, reason: str) -> Self:
        """The file itself is the problem, not what stands in it."""
        return cls([Problem(str(file), 0, "", reason)])


def path_text(path: Path) -> str:
    """The path for people: `teams.ranking.sources[0]`; a key that is no plain word stands quoted in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text


def quoted(value: object) -> str:
    """A value of the document for a message: on one line, without control characters, not too long.

    A list or map is only named as one: written out, a few lines of anchors could fill the memory.
    """
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a map"
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
