"""Everybody who calls about team ranking: its member, and all who may do less or nothing."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.identity.development import TEAM_HEADER
from support.secured import RANKING, SEARCH, Secured
from support.token_issuer import TokenIssuer, bearer
from tenancy.rows import Metadata, Right
from tenancy.surfaces import Surface

MEMBER = "both"
"""The subject of a submitter of ranking. Where its proof is bad, that alone stands between the caller and the team."""

Refused = tuple[str, str, str]
"""The code, the reason and the cause of a refusal."""

FORBIDDEN: Refused = ("PERMISSION_DENIED", "TEAM_FORBIDDEN", "")
ROLE: Refused = ("PERMISSION_DENIED", "ROLE_FORBIDDEN", "")
MISSING: Refused = ("NOT_FOUND", "NOT_FOUND", "")


@dataclass(frozen=True)
class Kind:
    """One kind of caller: what it shows, and how it is refused what it may not do; what is not listed it may."""

    spiffe_id: str = ""
    metadata: Callable[[Secured], Metadata] = lambda _: ()
    refused: Mapping[Right, Refused] = field(default_factory=dict)

    def refusals(self, surface: Surface) -> Mapping[Right, Refused]:
        """Those of this surface: over REST a certificate counts for nothing."""
        by_certificate = self.spiffe_id and self.refused.get(Right.READ, FORBIDDEN) == FORBIDDEN
        return _unproven("NO_CREDENTIALS") if by_certificate and surface.routes is not None else self.refused


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


def token_of(subject: str) -> Callable[[Secured], Metadata]:
    return lambda secured: bearer(secured.house.issuer.token(sub=subject))


def _bad_token(cause: str, spiffe_id: str = "") -> Kind:
    return Kind(spiffe_id, lambda secured: bearer(BAD_TOKENS[cause](secured)), _unproven(cause))


KINDS: Mapping[str, Kind] = {
    "a member": Kind(metadata=token_of(MEMBER)),
    "a member with a certificate": Kind(RANKING),
    "a viewer": Kind(metadata=token_of("dashboards"), refused={Right.CANCEL: ROLE, Right.WRITE: ROLE}),
    "an operator": Kind(metadata=token_of("oncall"), refused={Right.WRITE: ROLE}),
    "another team": Kind(metadata=token_of("search"), refused=_nothing(FORBIDDEN)),
    "another team's certificate": Kind(SEARCH, refused=_nothing(FORBIDDEN)),
    "nobody": Kind(metadata=token_of("nobody"), refused=_nothing(FORBIDDEN)),
    "without credentials": Kind(refused=_unproven("NO_CREDENTIALS")),
    "a developer's header": Kind(metadata=lambda _: ((TEAM_HEADER, "ranking"),), refused=_unproven("NO_CREDENTIALS")),
    **{f"a token that is {cause}": _bad_token(cause) for cause in BAD_TOKENS},
    **{f"a member whose token is {cause}": _bad_token(cause, RANKING) for cause in BAD_TOKENS},
}
ONE_OF_RANKING, ONE_OF_SEARCH = Kind(metadata=token_of("ranking")), Kind(metadata=token_of("search"))
"""Members of one team alone, who are known by a token, which every surface takes."""
