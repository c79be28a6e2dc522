"""Who calls: the innermost layer, so that refusals for want of a name are counted and logged as all others."""

from typing import Any

from gateway.api.call import Call, Proceed
from gateway.identity.principal import Authenticator


class Identity:
    """Names the caller of every method of the guarded services. Health and reflection say nothing about anyone."""

    def __init__(self, authenticator: Authenticator, guarded: frozenset[str]) -> None:
        self._authenticator = authenticator
        self._guarded = guarded

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Authenticate, or refuse."""
        if call.service in self._guarded:
            call.principal = self._authenticator.authenticate(call.metadata)
            call.names["principal"] = call.principal.name
        return await proceed(call)
