"""What a caller without a usable token is to send, said of the issuers that this gateway trusts."""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.identity.issuers import Issuer

TOKEN_HEADER: Final = "authorization"  # noqa: S105 - the name of a header, not a secret
MOST_NAMED: Final = 3
"""Of issuers, and of each one's audiences: a message has to stay one that is read."""

_GOOGLE: Final = ("https://accounts.google.com", "accounts.google.com")


class Advice:
    """Sentences for refusals. `token` says what to send, `google` what in place of a Google access token."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        trusted = tuple(issuers)
        known = list(dict.fromkeys(f"{each.issuer} for the audience {audiences(each)}" for each in trusted))
        self.token = f"Send `{TOKEN_HEADER}: Bearer TOKEN` with a JWT of {_either(known, 'issuers')}."
        self.google = next((_by_gcloud(each.audiences[0]) for each in trusted if each.issuer in _GOOGLE), self.token)


def audiences(issuer: Issuer) -> str:
    """Whom the issuer's tokens must be made for."""
    return _either(issuer.audiences, "audiences")


def _either(names: Sequence[str], kind: str) -> str:
    more = len(names) - MOST_NAMED
    shown = [*names[:MOST_NAMED], f"one of {more} other {kind}"] if more > 0 else names
    return ", or ".join(shown)


def _by_gcloud(audience: str) -> str:
    return (
        f"Send `{TOKEN_HEADER}: Bearer TOKEN` with an identity token made for this gateway, such as `gcloud auth "
        f"print-identity-token --audiences={audience}` prints for a service account."
    )
