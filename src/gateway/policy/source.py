"""The policy in force and its reload while the gateway runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, Self

from gateway.clock import Clock
from gateway.policy.load import PolicyError, load_policy
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


class PolicySource:
    """Holds the policy in force. `run` looks at the file now and then; a file that is broken changes nothing."""

    def __init__(self, path: Path, policy: Policy, *, clock: Clock, observer: PolicyObserver) -> None:
        self._path = path
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._subscribers: list[Callable[[Policy], None]] = []

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, observer: PolicyObserver) -> Self:
        """Load the file for the first time, off the event loop.

        Raises:
            PolicyError: there is no policy to start with.

        """
        return cls(path, load_policy(path), clock=clock, observer=observer)

    @property
    def current(self) -> Policy:
        """The policy in force."""
        return self._policy

    def subscribe(self, callback: Callable[[Policy], None]) -> Callable[[], None]:
        """Have `callback` called on the event loop with each new policy; the answer ends the subscription."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def run_once(self) -> None:
        """Look at the file once. New content is taken when it was the same at two looks in a row."""

    async def reload(self) -> None:
        """Take the file as it is now, at once."""

    async def run(self) -> None:
        """Look at the file again and again until cancelled."""
