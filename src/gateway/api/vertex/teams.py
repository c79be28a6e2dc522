"""Whose call it is: Vertex's names hold no team, so it is the caller's own, or the one that its metadata names."""

import re
from typing import Final

from gateway.api.metadata import REQUEST_ID_HEADER
from gateway.errors import FieldViolation, GatewayError, Reason
from gateway.identity.authorize import membership_of
from gateway.identity.development import PREFIX, TEAM_HEADER
from gateway.identity.principal import Metadata, Principal
from gateway.policy.model import Policy

_TEAM: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def team_of_call(policy: Policy, principal: Principal, metadata: Metadata) -> str:
    """The team that the call is for; whether the caller may do it there is not asked here.

    Raises:
        GatewayError: TEAM_FORBIDDEN for who is in no team, INVALID_SPEC where several could be meant and none is named,
            or where what is named is no team's name.

    """
    named = sent(metadata, TEAM_HEADER)
    if named and not principal.name.startswith(PREFIX):
        if not _TEAM.fullmatch(named):
            raise _unclear(f"{TEAM_HEADER} names one team: lowercase letters, digits and -, a letter first.")
        return named
    teams = sorted(membership_of(policy, principal).roles)
    match teams:
        case [team]:
            return team
        case []:
            raise GatewayError(
                Reason.TEAM_FORBIDDEN,
                f"{principal.name} is in no team. Who is a member stands in the gateway's policy, which its operators "
                f"keep. Operators name a team in the metadata {TEAM_HEADER}.",
            )
    raise _unclear(f"{principal.name} is in the teams {', '.join(teams)}: name one in the metadata {TEAM_HEADER}.")


def request_id_of(metadata: Metadata) -> str:
    """The `request_id` that makes a create one and the same however often it is sent; "" for none."""
    return sent(metadata, REQUEST_ID_HEADER)


def sent(metadata: Metadata, key: str) -> str:
    """The one value of a key; "" where it was not sent.

    Raises:
        GatewayError: INVALID_SPEC where it was sent more than once.

    """
    values = [value for each, value in metadata if each == key]
    if len(values) > 1:
        sentence = f"The metadata {key} was sent {len(values)} times: send it once."
        raise GatewayError(Reason.INVALID_SPEC, sentence, details=(FieldViolation(key, "METADATA", sentence),))
    return str(values[0]) if values else ""


def _unclear(sentence: str) -> GatewayError:
    return GatewayError(Reason.INVALID_SPEC, sentence, details=(FieldViolation(TEAM_HEADER, "TEAM_UNCLEAR", sentence),))
