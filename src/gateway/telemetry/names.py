"""The names that may stand in a label: what the policy names, and one word each for everything else.

Callers choose team and model names freely; without this bound any caller could make as many time series as it likes.
"""

from collections.abc import Callable, Iterable
from typing import Final

UNKNOWN_TEAM: Final = "unknown"
OTHER_MODEL: Final = "other"


class LabelNames:
    """Maps teams and models to label values from a closed set. Starts empty: then every name is an unknown one."""

    def __init__(self) -> None:
        self._teams: frozenset[str] = frozenset()
        self._model_label: Callable[[str], str] = _other

    def replace(self, *, teams: Iterable[str], model_label: Callable[[str], str]) -> None:
        """Follow the policy in force: its teams, and its rule from a model's name to one of few labels."""
        self._teams = frozenset(teams)
        self._model_label = model_label

    def team(self, name: str) -> str:
        """The team if the policy names it, else `unknown`."""
        return name if name in self._teams else UNKNOWN_TEAM

    def model(self, name: str) -> str:
        """The label of a model as the caller wrote it: a name or alias of the policy, `tuned`, or `other`."""
        return self._model_label(name)


def _other(_name: str) -> str:
    return OTHER_MODEL
