"""The names that may stand in a label: what the policy names, and one word each for everything else.

Callers choose team and model names freely; without this bound any caller could make as many time series as it likes.
"""

import re
from collections.abc import Iterable
from typing import Final

UNKNOWN_TEAM: Final = "unknown"
TUNED: Final = "tuned"
OTHER: Final = "other"

_TUNED_MODEL: Final = re.compile(r"projects/[^/]+/locations/[^/]+/(models|endpoints)/.+")


class LabelNames:
    """Maps teams and models to label values from a closed set. Starts empty: then every name is an unknown one."""

    def __init__(self) -> None:
        self._teams: frozenset[str] = frozenset()
        self._models: frozenset[str] = frozenset()

    def replace(self, *, teams: Iterable[str], models: Iterable[str]) -> None:
        """Take the teams and the exact model names and aliases of the policy in force; patterns are left out."""
        self._teams = frozenset(teams)
        self._models = frozenset(_short(model) for model in models if "*" not in model)

    def team(self, name: str) -> str:
        return name if name in self._teams else UNKNOWN_TEAM

    def model(self, effective: str, as_sent: str = "") -> str:
        """The effective model if the policy names it, else what the caller wrote if that is an alias, else a kind."""
        for name in (_short(effective), _short(as_sent)):
            if name in self._models:
                return name
        return TUNED if _TUNED_MODEL.fullmatch(effective) else OTHER


def _short(model: str) -> str:
    return model.rsplit("publishers/google/models/", 1)[-1]
