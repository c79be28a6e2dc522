"""What a token claims, once its key is known: signature, audience, times, and the name of its holder. PyJWT judges the
first three.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt import PyJWK, exceptions

from gateway.identity.advice import audiences
from gateway.identity.issuers import Issuer
from gateway.identity.names import MAX_NAME_LENGTH
from gateway.identity.refusal import Cause, refused

CLOCK_SKEW: Final = timedelta(seconds=30)
"""How far an issuer's clock and ours may differ."""


def verified_claims(token: str, key: PyJWK, rules: Issuer) -> dict[str, Any]:
    """The claims of a token that is in order."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[each.value for each in rules.algorithms],
            issuer=rules.issuer,
            audience=rules.audiences,
            leeway=CLOCK_SKEW,
            options={"require": ["exp", "iss", "aud"], "verify_sub": False, "verify_jti": False},
        )
    except exceptions.ExpiredSignatureError as error:
        raise refused(
            Cause.EXPIRED, "The token has expired: send a new one, read anew from where it is renewed."
        ) from error
    except exceptions.ImmatureSignatureError as error:
        raise refused(
            Cause.NOT_YET_VALID, f"The token is not valid yet: the gateway's clock says {_now()}. Check the issuer's."
        ) from error
    except exceptions.InvalidAudienceError as error:
        raise refused(Cause.WRONG_AUDIENCE, _audience_message(rules)) from error
    except exceptions.MissingRequiredClaimError as error:
        if error.claim == "aud":
            raise refused(Cause.WRONG_AUDIENCE, _audience_message(rules)) from error
        raise refused(
            Cause.CLAIM_NOT_USABLE, f"The token has no claim `{error.claim}`, which this gateway needs."
        ) from error
    except exceptions.InvalidSignatureError as error:
        raise refused(
            Cause.WRONG_SIGNATURE,
            "The token's signature does not fit its issuer's key: it was changed, or not made there.",
        ) from error
    except (exceptions.PyJWTError, OverflowError) as error:
        raise refused(Cause.NOT_A_JWT, "The token's claims are not in order: get a new one.") from error


def _audience_message(rules: Issuer) -> str:
    return f"The token is made for somebody else: have one issued for the audience {audiences(rules)}."


def name_in(claims: Mapping[str, Any], claim: str) -> str:
    """The caller's name in the claim."""
    value = claims.get(claim)
    if (
        not isinstance(value, str)
        or not value.isprintable()
        or not 0 < len(value) <= MAX_NAME_LENGTH
        or value != value.strip()
    ):
        raise refused(
            Cause.CLAIM_NOT_USABLE,
            f"The token does not name its holder: this gateway reads the claim `{claim}`, and there it must be a text "
            f"of at most {MAX_NAME_LENGTH} characters, all of them printable, and no space before or after it.",
        )
    if claim == "email" and claims.get("email_verified") is not True:
        raise refused(
            Cause.CLAIM_NOT_USABLE, "The token's issuer does not vouch for its `email`: `email_verified` is not true."
        )
    return value


def expiry(claims: Mapping[str, Any]) -> float:
    """Until when the token counts, in seconds since 1970."""
    try:
        return float(claims["exp"])
    except OverflowError as error:
        raise refused(Cause.CLAIM_NOT_USABLE, "The token's `exp` is no moment that can be told.") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
