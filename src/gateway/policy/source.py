"""The policy in force and its reload while the gateway runs.

The file is read whole at every look and compared by content: so a ConfigMap's swapped link, an edit that keeps size
and time, and a file replaced by another are all seen alike. It is small, and reading is done off the event loop.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from gateway.clock import Clock
from gateway.policy.load import PolicyError, parse_policy, read_policy_file
from gateway.policy.model import Policy

POLL_SECONDS: Final = 2.0


class PolicyObserver(Protocol):
    """Told what becomes of the file, once for each change of it; writes the metrics and the log line."""

    def policy_loaded(self, policy: Policy) -> None:
        """The file was read and is in force."""
        ...

    def policy_refused(self, error: PolicyError, in_force: Policy | None) -> None:
        """The file was refused; `in_force` stays, None at the start."""
        ...


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the file found: its bytes, or why they cannot be had. Equal looks found the same."""

    content: bytes = b""
    unreadable: str = ""


class PolicySource:
    """Holds the policy in force. `run` looks at the file now and then; a file that is broken changes nothing."""

    def __init__(
        self,
        path: Path,
        policy: Policy,
        *,
        clock: Clock,
        observer: PolicyObserver,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._path = path
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._poll_seconds = poll_seconds
        self._subscribers: list[Callable[[Policy], None]] = []
        self._one_at_a_time = asyncio.Lock()
        self._judged: _Look | None = None
        self._last: _Look | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        observer: PolicyObserver,
        poll_seconds: float = POLL_SECONDS,
    ) -> Self:
        """Load the file for the first time, off the event loop.

        Raises:
            PolicyError: there is no policy to start with; the observer is told as well.

        """
        try:
            content = await asyncio.to_thread(read_policy_file, path)
            policy = await asyncio.to_thread(_ready, content, path)
        except PolicyError as error:
            observer.policy_refused(error, None)
            raise
        source = cls(path, policy, clock=clock, observer=observer, poll_seconds=poll_seconds)
        source._judged = _Look(content)
        observer.policy_loaded(policy)
        return source

    @property
    def current(self) -> Policy:
        """The policy in force."""
        return self._policy

    def subscribe(self, callback: Callable[[Policy], None]) -> Callable[[], None]:
        """Have `callback` called on the event loop with each policy whose content is new; it must not raise.

        Calling the answer ends the subscription.
        """
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def run(self) -> None:
        """Look at the file again and again until cancelled. A change is in force within two polls."""
        while True:
            await self._clock.sleep(self._poll_seconds)
            await self.run_once()

    async def run_once(self) -> None:
        """Look at the file once. What is new is taken when two looks in a row found it the same.

        A file that is being written in place may, cut off anywhere, be a policy that lacks half of its teams; and one
        that is being replaced may be away for a moment.
        """
        async with self._one_at_a_time:
            look = await asyncio.to_thread(self._look)
            settled, self._last = look == self._last, look
            if settled and look != self._judged:
                await self._judge(look)

    async def reload(self) -> None:
        """Take the file as it is now, at once, and tell the observer even where nothing has changed."""
        async with self._one_at_a_time:
            await self._judge(await asyncio.to_thread(self._look))

    def _look(self) -> _Look:
        try:
            return _Look(content=read_policy_file(self._path))
        except PolicyError as error:
            return _Look(unreadable=str(error.problems[0].reason))

    async def _judge(self, look: _Look) -> None:
        self._judged = look
        try:
            policy = await asyncio.to_thread(self._policy_in, look)
        except PolicyError as error:
            self._observer.policy_refused(error, self._policy)
            return
        changed = policy.hash != self._policy.hash
        if changed:
            self._policy = policy
        self._observer.policy_loaded(self._policy)
        if changed:
            for callback in tuple(self._subscribers):
                callback(policy)

    def _policy_in(self, look: _Look) -> Policy:
        if look.unreadable:
            raise PolicyError.about_file(self._path, look.unreadable)
        return _ready(look.content, self._path)


def _ready(content: bytes, path: Path) -> Policy:
    """The policy with its index over principals, which is built here rather than in the first call that asks it."""
    policy = parse_policy(content, str(path))
    _ = policy.members
    return policy
