"""Identity for development: the caller says which team it is, and is believed.

It is refused unless the process runs with `--insecure` and every listener is on loopback.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.identity.principal import Evidence, Principal
from gateway.identity.refusal import Cause, refused
from gateway.setting_types import is_loopback

TEAM_HEADER: Final = "x-batchjobs-team"
PREFIX: Final = "dev:"
OPERATOR: Final = Principal(f"{PREFIX}operator")
_TEAM: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_WHAT_TO_SEND: Final = (
    f"Send the metadata `{TEAM_HEADER}: TEAM` with one team's name (lowercase letters, digits and `-`), "
    f"or `{TEAM_HEADER}: operator` to act as an operator."
)


class DevelopmentIdentityRefusedError(Exception):
    """Development identity was asked for where others could reach it."""


class DevelopmentAuthenticator:
    """Takes the principal `dev:TEAM` from the metadata `x-batchjobs-team: TEAM`."""

    def __init__(self, *, insecure: bool, listeners: Iterable[str]) -> None:
        """Take the flag and the address of every listener.

        Raises:
            DevelopmentIdentityRefusedError: `insecure` is not set, or a listener is not on loopback.

        """
        if not insecure:
            raise DevelopmentIdentityRefusedError("Development identity believes every caller: it needs --insecure.")
        if exposed := [address for address in listeners if not is_loopback(address)]:
            raise DevelopmentIdentityRefusedError(
                f"--insecure is for loopback only, and {', '.join(exposed)} can be reached from elsewhere. "
                "Listen on 127.0.0.1 or [::1]."
            )

    async def authenticate(self, evidence: Evidence) -> Principal:
        """The principal that the metadata names; refuses a missing, repeated or malformed name."""
        values = [value for key, value in evidence.metadata if key == TEAM_HEADER]
        if len(values) != 1 or not isinstance(values[0], str) or not _TEAM.fullmatch(values[0]):
            raise refused(Cause.NO_CREDENTIALS, _WHAT_TO_SEND)
        return Principal(PREFIX + values[0])
