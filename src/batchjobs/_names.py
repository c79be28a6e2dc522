"""Names of teams and batch jobs, as callers write them."""

import re
from typing import Final

_TEAM: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ID: Final = re.compile(r"[0-9]{1,19}")
_NAME: Final = re.compile(r"teams/(?P<team>[^/]+)/batchJobs/(?P<id>[^/]+)")


def is_team(text: str) -> bool:
    return _TEAM.fullmatch(text) is not None


def split_name(text: str, team: str) -> tuple[str, str]:
    """Team and id of a batch job that is given by its full name, or by its id alone and the team beside it.

    Raises:
        ValueError: with a sentence that says what is missing or malformed.
    """
    full = _NAME.fullmatch(text)
    owner, number = (full["team"], full["id"]) if full else (team, text)
    if not _ID.fullmatch(number):
        raise ValueError(f"{text!r} is neither teams/TEAM/batchJobs/ID nor an ID, which is a number.")
    if not owner:
        raise ValueError(
            f"{text} is an id without its team: give --team, or the full name teams/TEAM/batchJobs/{text}."
        )
    if not is_team(owner):
        raise ValueError(
            f"{owner!r} is not a team: a lowercase letter, then such letters, digits and hyphens, 63 at most."
        )
    return owner, number


def full_name(team: str, number: str) -> str:
    return f"teams/{team}/batchJobs/{number}"
