"""What a principal may do in a team. It is asked before anything is looked up, so a refusal tells nothing about what
exists: neither whether the team does, nor whether the batch job does.
"""

from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from gateway.errors import GatewayError, Reason
from gateway.identity.development import OPERATOR, PREFIX
from gateway.identity.principal import Principal
from gateway.policy.membership import Membership, Role
from gateway.policy.model import Policy, TeamPolicy

ALL_TEAMS: Final = "-"


class Access(Enum):
    """What a call does: look, cancel, or anything else that changes something."""

    READ = auto()
    CANCEL = auto()
    WRITE = auto()


def authorize(policy: Policy, principal: Principal, team: str, access: Access) -> None:
    """Let the principal do this in the team, or refuse. The team "-" stands for all of them and is for operators.

    Raises:
        GatewayError: TEAM_FORBIDDEN for who is no member of the team and no operator, ROLE_FORBIDDEN for who is, in a
            role that may not do this.

    """
    membership = membership_of(policy, principal)
    if team == ALL_TEAMS and not membership.operator:
        raise GatewayError(Reason.ROLE_FORBIDDEN, "Only operators may read all teams at once: name your team instead.")
    if not membership.may_read(team):
        raise _forbidden(principal)
    if not _allowed(membership, team, access):
        raise GatewayError(
            Reason.ROLE_FORBIDDEN,
            f"{principal.name} may read this team, but its role does not allow this call. "
            "Submitters of the team may create, cancel and delete; operators may cancel.",
        )


def team_policy(policy: Policy, principal: Principal, team: str) -> TeamPolicy:
    """What the team may do; refuses with TEAM_FORBIDDEN where the policy no longer holds it."""
    found = policy.teams.get(team)
    if found is None:
        raise _forbidden(principal)
    return found


def membership_of(policy: Policy, principal: Principal) -> Membership:
    """The principal's teams and roles. A development principal is what its name says, without being in the policy."""
    if principal == OPERATOR:
        return Membership(policy.membership(principal.name).roles, operator=True)
    team = principal.name.removeprefix(PREFIX)
    if team != principal.name and team in policy.teams:
        return Membership(MappingProxyType({team: Role.SUBMITTER}))
    return policy.membership(principal.name)


def _allowed(membership: Membership, team: str, access: Access) -> bool:
    match access:
        case Access.READ:
            return True
        case Access.CANCEL:
            return membership.may_cancel(team)
        case Access.WRITE:
            return membership.may_write(team)


def _forbidden(principal: Principal) -> GatewayError:
    return GatewayError(
        Reason.TEAM_FORBIDDEN,
        f"{principal.name} is not a member of this team. Check the team's name in the request; who is a member stands "
        "in the gateway's policy, which its operators keep.",
    )
