"""What a principal may do, and that a refusal tells nothing about what exists."""

import pytest

from gateway.errors import GatewayError, Reason
from gateway.identity.authorize import ALL_TEAMS, Access, authorize
from gateway.identity.principal import Principal
from gateway.policy.model import Policy, TeamPolicy

POLICY = Policy(
    hash="0" * 16,
    operators=("jwt:corp:oncall",),
    teams={
        "ranking": TeamPolicy("ranking", submitters=("jwt:corp:ranking-*",), viewers=("jwt:corp:dashboards",)),
        "search": TeamPolicy("search", submitters=("mtls:spiffe://corp/search",)),
    },
)


def verdict(principal: str, team: str, access: Access) -> Reason | None:
    try:
        authorize(POLICY, Principal(principal), team, access)
    except GatewayError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("principal", "read", "cancel", "write"),
    [
        ("jwt:corp:ranking-nightly", None, None, None),
        ("dev:ranking", None, None, None),
        ("jwt:corp:dashboards", None, Reason.ROLE_FORBIDDEN, Reason.ROLE_FORBIDDEN),
        ("jwt:corp:oncall", None, None, Reason.ROLE_FORBIDDEN),
        ("dev:operator", None, None, Reason.ROLE_FORBIDDEN),
        ("mtls:spiffe://corp/search", *[Reason.TEAM_FORBIDDEN] * 3),
        ("dev:search", *[Reason.TEAM_FORBIDDEN] * 3),
        ("dev:nobody", *[Reason.TEAM_FORBIDDEN] * 3),
    ],
)
def test_roles_in_a_team(principal, read, cancel, write):
    got = [verdict(principal, "ranking", access) for access in (Access.READ, Access.CANCEL, Access.WRITE)]
    assert got == [read, cancel, write]


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("principal", ["dev:search", "jwt:corp:stranger"])
def test_the_answer_is_the_same_whether_or_not_the_team_exists(principal, access):
    def answer(team: str) -> tuple[Reason, str]:
        with pytest.raises(GatewayError) as refused:
            authorize(POLICY, Principal(principal), team, access)
        return refused.value.reason, refused.value.message

    assert answer("ranking") == answer("never-heard-of")


def test_a_team_that_the_policy_drops_takes_its_development_principal_along():
    assert verdict("dev:gone", "gone", Access.READ) is Reason.TEAM_FORBIDDEN


def test_all_teams_at_once_are_for_operators():
    assert verdict("dev:operator", ALL_TEAMS, Access.READ) is None
    assert verdict("dev:ranking", ALL_TEAMS, Access.READ) is Reason.ROLE_FORBIDDEN
