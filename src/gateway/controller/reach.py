"""Whether this replica reaches Vertex at all: a leader that does not must not keep the lease from one that does."""

from gateway.clock import Clock


class Reach:
    """Calls of one term, all pools together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missing_since: float | None = None

    def heard(self) -> None:
        """Vertex answered, be it with a refusal."""
        self._missing_since = None

    def missed(self, began: float) -> None:
        """A call that began then, on the clock's boottime, was not answered."""
        if self._missing_since is None:
            self._missing_since = began

    @property
    def silence(self) -> float:
        """Seconds since the first unanswered call after the last answer; 0 where the last one was answered."""
        return 0.0 if self._missing_since is None else self._clock.boottime() - self._missing_since
