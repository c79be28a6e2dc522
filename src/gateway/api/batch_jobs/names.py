"""Resource names: `teams/{team}` and `teams/{team}/batchJobs/{id}`."""

import re
from dataclasses import dataclass
from typing import Final

from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.identity.authorize import ALL_TEAMS
from gateway.telemetry import logs

_TEAM: Final = r"[a-z][a-z0-9-]{0,62}"
_PARENT: Final = re.compile(rf"teams/({_TEAM})")
_NAME: Final = re.compile(rf"teams/({_TEAM})/batchJobs/([1-9][0-9]{{0,18}})")
_USAGE: Final = re.compile(rf"teams/({_TEAM})/usage")
_MAX_ID: Final = 2**63 - 1

PARENT_FORM: Final = (
    "A parent is teams/TEAM. TEAM begins with a lowercase letter and has at most 63 lowercase letters, digits and -."
)
NAME_FORM: Final = "A name is teams/TEAM/batchJobs/ID, where ID is the decimal number that the create answered."
USAGE_FORM: Final = "The name of a team's usage is teams/TEAM/usage."


@dataclass(frozen=True, slots=True)
class JobName:
    """A parsed `teams/{team}/batchJobs/{id}`."""

    team: str
    id: int


def team_of(parent: str, *, all_teams: bool = False) -> str | None:
    """The team of `teams/{team}`; None where it is not of that form. `-` is a team only where all may be meant."""
    match = _PARENT.fullmatch(parent)
    if match is None:
        return ALL_TEAMS if all_teams and parent == f"teams/{ALL_TEAMS}" else None
    logs.about(team=match[1])
    return match[1]


def parent_violation() -> FieldViolation:
    """What is wrong with a parent that `team_of` does not take."""
    return FieldViolation("parent", "PARENT_FORM", PARENT_FORM)


def read_parent(parent: str, *, all_teams: bool = False) -> str:
    """The team; raises INVALID_SPEC."""
    team = team_of(parent, all_teams=all_teams)
    if team is None:
        raise GatewayError(Reason.INVALID_SPEC, PARENT_FORM, details=(parent_violation(),))
    return team


def read_name(name: str) -> JobName:
    """The team and the id; raises INVALID_SPEC."""
    match = _NAME.fullmatch(name)
    if match is None or int(match[2]) > _MAX_ID:
        raise GatewayError(Reason.INVALID_SPEC, NAME_FORM, details=(FieldViolation("name", "NAME_FORM", NAME_FORM),))
    logs.about(team=match[1], batch_job=name)
    return JobName(match[1], int(match[2]))


def read_usage_name(name: str) -> str:
    """The team whose usage is asked for; raises INVALID_SPEC."""
    match = _USAGE.fullmatch(name)
    if match is None:
        raise GatewayError(Reason.INVALID_SPEC, USAGE_FORM, details=(FieldViolation("name", "NAME_FORM", USAGE_FORM),))
    logs.about(team=match[1])
    return match[1]
