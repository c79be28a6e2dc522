"""Who calls: far inside, so that refusals for want of a name are counted and logged as all others."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from gateway.api.call import Call, Proceed
from gateway.api.metadata import refuse_unknown_keys
from gateway.errors import GatewayError
from gateway.identity.principal import Authenticator, Evidence, Principal
from gateway.identity.refusal import CAUSE


class Identity:
    """Names the caller of every method of the guarded services. Health and reflection say nothing about anyone.

    `forwarded` are the services that only a proxy calls, for others: whatever it proves about itself, it is nobody.
    `put_off` is what a call waits for that is refused. `at_rest` is entered while a call is judged: all that this can
    wait for is an issuer, and whoever has to wait for that keeps no other from being worked on.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        guarded: frozenset[str],
        forwarded: frozenset[str],
        put_off: Callable[[Call], Awaitable[None]],
        at_rest: Callable[[Call], AbstractContextManager[None]],
    ) -> None:
        self._authenticator = authenticator
        self._put_off, self._at_rest = put_off, at_rest
        self._guarded = guarded
        self._forwarded = forwarded

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Authenticate, or refuse; who is known is told of metadata that is not."""
        if call.service in self._guarded:
            call.principal = await self._caller_of(call)
            call.names["principal"] = call.principal.name
            refuse_unknown_keys(call.metadata)
        return await proceed(call)

    async def _caller_of(self, call: Call) -> Principal:
        context: Any = call.context
        forwarded = call.service in self._forwarded
        evidence = Evidence(call.metadata, context.peer, context.auth_context, forwarded)
        try:
            with self._at_rest(call):
                return await self._authenticator.authenticate(evidence)
        except GatewayError as error:
            if cause := error.metadata.get(CAUSE):
                call.names[CAUSE] = cause
            await self._put_off(call)
            raise
