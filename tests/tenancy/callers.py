"""Everybody who calls about team ranking: its member, and all who may do less or nothing."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from support.caller import Caller
from support.secured import RANKING, SEARCH, Secured
from support.token_issuer import TokenIssuer, bearer
from tenancy.rows import Right

MEMBER = "both"
"""The subject of a submitter of ranking. Where its proof is bad, that alone stands between the caller and the team."""

Refused = tuple[str, str, str]
"""The code, the reason and the cause of a refusal."""

FORBIDDEN: Refused = ("PERMISSION_DENIED", "TEAM_FORBIDDEN", "")
ROLE: Refused = ("PERMISSION_DENIED", "ROLE_FORBIDDEN", "")
MISSING: Refused = ("NOT_FOUND", "NOT_FOUND", "")


@dataclass(frozen=True)
class Kind:
    """One kind of caller: how it comes, and how it is refused what it may not do; what is not listed it may."""

    make: Callable[[Secured], Awaitable[Caller]]
    refused: Mapping[Right, Refused] = field(default_factory=dict)


def _nothing(refused: Refused) -> Mapping[Right, Refused]:
    return dict.fromkeys(Right, refused)


def _unproven(cause: str) -> Mapping[Right, Refused]:
    return _nothing(("UNAUTHENTICATED", "NOT_AUTHENTICATED", cause))


def _expired(house: Secured) -> str:
    now = int(time.time())
    return house.house.issuer.token(sub=MEMBER, iat=now - 7200, nbf=now - 7200, exp=now - 3600)


def _of_another_issuer(_house: Secured) -> str:
    return TokenIssuer(name="https://login.evil.example").token(sub=MEMBER)


def _signed_by_another_key(house: Secured) -> str:
    return TokenIssuer(name=house.house.issuer.name, kid=house.house.issuer.kid).token(sub=MEMBER)


def _for_another_audience(house: Secured) -> str:
    return house.house.issuer.token(sub=MEMBER, aud="another-service")


BAD_TOKENS: Mapping[str, Callable[[Secured], str]] = {
    "EXPIRED": _expired,
    "UNKNOWN_ISSUER": _of_another_issuer,
    "WRONG_SIGNATURE": _signed_by_another_key,
    "WRONG_AUDIENCE": _for_another_audience,
}


def _with_bad_token(cause: str) -> Kind:
    return Kind(lambda secured: secured.sending(bearer(BAD_TOKENS[cause](secured))), _unproven(cause))


def _member_with_bad_token(cause: str) -> Kind:
    return Kind(lambda secured: secured.certified(RANKING, token=BAD_TOKENS[cause](secured)), _unproven(cause))


KINDS: Mapping[str, Kind] = {
    "a member": Kind(lambda secured: secured.with_token(MEMBER)),
    "a member with a certificate": Kind(lambda secured: secured.certified(RANKING)),
    "a viewer": Kind(lambda secured: secured.with_token("dashboards"), {Right.CANCEL: ROLE, Right.WRITE: ROLE}),
    "an operator": Kind(lambda secured: secured.with_token("oncall"), {Right.WRITE: ROLE}),
    "another team": Kind(lambda secured: secured.with_token("search"), _nothing(FORBIDDEN)),
    "another team's certificate": Kind(lambda secured: secured.certified(SEARCH), _nothing(FORBIDDEN)),
    "nobody": Kind(lambda secured: secured.with_token("nobody"), _nothing(FORBIDDEN)),
    "without credentials": Kind(lambda secured: secured.sending(()), _unproven("NO_CREDENTIALS")),
    "a developer's header": Kind(
        lambda secured: secured.sending((("x-batchjobs-team", "ranking"),)), _unproven("NO_CREDENTIALS")
    ),
    **{f"a token that is {cause}": _with_bad_token(cause) for cause in BAD_TOKENS},
    **{f"a member whose token is {cause}": _member_with_bad_token(cause) for cause in BAD_TOKENS},
}
