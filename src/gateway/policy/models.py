"""Model names: what a caller may write, and the one form that is compared and sent."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from gateway.policy.match import MODEL_SEPARATORS, matches
from gateway.policy.model import Policy, TeamPolicy

PUBLISHER: Final = "publishers/google/models/"
MAX_LENGTH: Final = 500

_PROJECT = r"projects/(?P<project>[a-z0-9][a-z0-9.:-]*)/locations/(?P<location>[a-z][a-z0-9-]*)/"
_BASE: Final = re.compile(rf"(?:(?:{_PROJECT})?{PUBLISHER})?(?P<id>[A-Za-z0-9][A-Za-z0-9._@-]*)")
_TUNED: Final = re.compile(_PROJECT + r"models/(?P<id>[A-Za-z0-9_-]+(?:@[A-Za-z0-9_-]+)?)")


class ModelNameError(ValueError):
    """The text is none of the forms that a model's name may have; the message says which those are."""


@unique
class ModelKind(StrEnum):
    """A base model that its publisher offers everywhere, or a tuned one that lives in one project and location."""

    BASE = "base"
    TUNED = "tuned"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A parsed name. `project` and `location` are "" where the name carries none."""

    kind: ModelKind
    full: str
    """`publishers/google/models/M`, or a tuned model's full name as written."""
    project: str = ""
    location: str = ""


def parse_model_name(text: str) -> ModelName:
    """The name in its one comparable form; aliases are not known here.

    Accepts `M`, `publishers/google/models/M`, `projects/P/locations/L/publishers/google/models/M` and
    `projects/P/locations/L/models/ID[@version]`.

    Raises:
        ModelNameError: it is none of these.

    """
    if len(text) <= MAX_LENGTH:
        if base := _BASE.fullmatch(text):
            place = (base["project"] or "", base["location"] or "")
            return ModelName(ModelKind.BASE, PUBLISHER + base["id"], *place)
        if tuned := _TUNED.fullmatch(text):
            return ModelName(ModelKind.TUNED, text, tuned["project"], tuned["location"])
    raise ModelNameError(
        "a model is a name such as gemini-2.0-flash-001, publishers/google/models/M, "
        "projects/P/locations/L/publishers/google/models/M or projects/P/locations/L/models/ID",
    )


def effective_model(policy: Policy, name: str) -> str:
    """The model that a caller's name stands for: an alias becomes its model, and every form the one that is compared.

    Raises:
        ModelNameError: the name is neither an alias nor well formed.

    """
    return parse_model_name(policy.aliases.get(name, name)).full


def allows_model(team: TeamPolicy, effective: str) -> bool:
    """Whether one of the team's patterns takes in the model, given in its effective form."""
    return any(matches(full_pattern(pattern), effective, MODEL_SEPARATORS) for pattern in team.models)


def full_pattern(pattern: str) -> str:
    """A pattern without a slash is about a publisher's models; tuned ones match full patterns only."""
    return pattern if "/" in pattern else PUBLISHER + pattern
