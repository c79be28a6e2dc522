"""What Google's code raises, said in errors of our own: one table for both ways of asking."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.cloud.lookups import ForbiddenError, LocationError, LookupResult, MissingError, UnavailableError

_RATE_REASONS: Final = frozenset({"rateLimitExceeded", "quotaExceeded", "userRateLimitExceeded"})
"""What a 403 that is about the number of requests, and not about rights, gives as its reason."""


@contextmanager
def translating(service: str, uri: str) -> Iterator[None]:
    """What Google's code raises inside becomes ours, about `uri`.

    Entering it imports Google's errors: where they may not have been imported yet, do it in a thread.
    """
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except api.NotFound as error:
        raise MissingError(uri, f"{service} does not know it") from error
    except api.Forbidden as error:
        if _RATE_REASONS & {each.get("reason") for each in error.errors if isinstance(each, dict)}:
            raise UnavailableError(uri, f"{service} is asked too often") from error
        raise ForbiddenError(uri, f"{service} does not let the gateway look at it") from error
    except (api.Unauthorized, GoogleAuthError) as error:
        raise UnavailableError(uri, f"{service} does not accept the gateway's credentials") from error
    except (api.BadRequest, api.MethodNotAllowed, api.PreconditionFailed) as error:
        raise ForbiddenError(uri, f"{service} refuses the look-up with HTTP status {error.code}") from error
    except (api.GoogleAPIError, OSError) as error:
        raise UnavailableError(uri, f"{service} does not answer") from error


def result_of(failure: LocationError) -> LookupResult:
    """How a look-up that failed is counted."""
    match failure:
        case MissingError():
            return LookupResult.MISSING
        case ForbiddenError():
            return LookupResult.FORBIDDEN
    return LookupResult.UNAVAILABLE
