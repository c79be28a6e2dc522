"""The glob rule of the policy: `*` stays between separators, `**` crosses them, everything else is itself.

Text is compared exactly as it stands: nothing is percent-decoded, folded or normalised, so `gs://ranking/**` never
matches `gs://ranking-private/x` and `%2F` is three characters. A pattern runs as a set of states in one integer, one
step for each character: the time is linear in the text whatever the pattern, with no backtracking.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SEPARATORS: Final = "/:."
"""What `*` does not cross in URIs, tables, principals and pools."""

MODEL_SEPARATORS: Final = "/:"
"""The same for model names, where a dot belongs to a version: `gemini-*` takes in `gemini-2.5-flash`."""

_TOKEN: Final = re.compile(r"\*\*|\*|[^*]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Glob:
    """One compiled pattern. Bit i of a state says: the first i tokens of the pattern have matched."""

    pattern: str
    separators: str
    head: str
    """The literal text before the first star; all of the pattern where it has none."""
    _steps: Mapping[str, int]
    _stars: int
    _crossing: int
    _end: int
    _anything: int
    """The bit before a `**` that ends the pattern: from there the rest of the text does not matter."""

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        if not text.startswith(self.head):
            return False
        if not self._stars:
            return text == self.pattern
        state = self._skip_stars(1 << len(self.head))
        for char in text[len(self.head) :]:
            stay = self._crossing if char in self.separators else self._stars
            state = self._skip_stars((state & self._steps.get(char, 0)) << 1 | (state & stay))
            if not state:
                return False
            if state & self._anything:
                return True
        return bool(state & self._end)

    def _skip_stars(self, state: int) -> int:
        # Two stars never stand next to each other, so one step past each of them is all.
        return state | (state & self._stars) << 1


@lru_cache(maxsize=8192)
def compile_glob(pattern: str, separators: str = SEPARATORS) -> Glob:
    """The pattern, ready to match; kept, because a policy's patterns are few and used at every call.

    Raises:
        ValueError: three or more stars stand in a row.

    """
    if "***" in pattern:
        raise ValueError("three or more * in a row mean nothing: write * or **")
    tokens = _TOKEN.findall(pattern)
    steps: dict[str, int] = {}
    stars = crossing = 0
    for i, symbol in enumerate(tokens):
        if symbol in {"*", "**"}:
            stars |= 1 << i
            crossing |= (len(symbol) - 1) << i
        else:
            steps[symbol] = steps.get(symbol, 0) | 1 << i
    end = 1 << len(tokens)
    return Glob(pattern, separators, pattern.partition("*")[0], steps, stars, crossing, end, crossing & (end >> 1))


def matches(pattern: str, text: str, separators: str = SEPARATORS) -> bool:
    """Whether the whole text matches the pattern."""
    return compile_glob(pattern, separators).matches(text)


def matches_any(patterns: Iterable[str], text: str, separators: str = SEPARATORS) -> bool:
    """Whether the whole text matches one of the patterns."""
    return any(matches(pattern, text, separators) for pattern in patterns)


def has_star(pattern: str) -> bool:
    """Whether the pattern may match more than one text."""
    return "*" in pattern
