"""What metrics show for a model: a name that the policy spells out, or one word for everything else.

Callers write model names freely, so a label that copied them would let anyone make any number of time series.
"""

from collections.abc import Callable
from typing import Final

from gateway.policy.match import has_star
from gateway.policy.model import Policy
from gateway.policy.models import PUBLISHER, ModelKind, ModelNameError, full_pattern, parse_model_name

OTHER: Final = "other"
TUNED: Final = "tuned"


def model_labels(policy: Policy) -> Callable[[str], str]:
    """The rule of this policy: an alias or an exact name of it is shown as it is, all else is `tuned` or `other`."""
    patterns = {pattern for team in policy.teams.values() for pattern in team.models}
    exact = [pattern for pattern in patterns if not has_star(pattern)]
    shown = {full_pattern(name): name.removeprefix(PUBLISHER) for name in [*exact, *policy.aliases.values()]}

    def label(name: str) -> str:
        if name in policy.aliases:
            return name
        try:
            parsed = parse_model_name(name)
        except ModelNameError:
            return OTHER
        return shown.get(parsed.full) or (TUNED if parsed.kind is ModelKind.TUNED else OTHER)

    return label
