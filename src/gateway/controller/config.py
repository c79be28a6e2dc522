"""How the controller works: every bound and interval in one frozen value."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.settings import LEAST_LIST_LAG


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerConfig:
    """Raises ValueError, naming the setting, where a value would break a promise."""

    gateway: str
    """The installation: the label `batchjobs_gateway` on every Vertex job. It survives restores of the database."""

    lease: timedelta = timedelta(seconds=10)
    """How long a leader leads without a renewal. Store and controller are given the same value."""
    lease_margin: timedelta = timedelta(seconds=3)
    """How long before the lease's end a leader stops submitting."""

    create_deadline: timedelta = timedelta(seconds=20)
    """From the start of the commit that takes the slot until Vertex's create is given up."""
    tcp_user_timeout: timedelta = timedelta(seconds=20)
    list_lag: timedelta = timedelta(seconds=60)
    """How long a Vertex job may be missing from a list after its create was received."""
    settle: timedelta = timedelta(0)
    """T: after it an ambiguous create is settled. Zero takes the least: deadline, TCP user timeout and list lag."""
    max_ambiguous: int = 8
    """So many ambiguous attempts, each proven absent, fail a batch job."""
    submits_in_flight: int = 4
    """How many creates may be under way in one pool at once."""

    probe_first: timedelta = timedelta(seconds=5)
    """From the first refusal until a closed gate tries again; doubled with each refusal in a row."""
    probe_longest: timedelta = timedelta(minutes=5)

    clock_slack: timedelta = timedelta(minutes=5)
    """How far Vertex's clock may be off the store's: scans reach back by that much more."""
    sweep_window: timedelta = timedelta(hours=24)
    """How far back the sweep looks for strays and late duplicates."""
    resume_window: timedelta = timedelta(hours=24)
    """How long a tombstone is kept, so that a watcher that resumes still learns of the delete."""

    dispatch_interval: timedelta = timedelta(seconds=2)
    poll_interval: timedelta = timedelta(seconds=10)
    resolve_interval: timedelta = timedelta(seconds=5)
    cancel_interval: timedelta = timedelta(seconds=5)
    cancel_repeat: timedelta = timedelta(seconds=30)
    """How long Vertex is given to show the end before a cancel is sent again."""
    delete_interval: timedelta = timedelta(seconds=15)
    delete_retry: timedelta = timedelta(seconds=60)
    """How long a Vertex job is left alone that could not be deleted yet."""
    expire_interval: timedelta = timedelta(seconds=5)
    retain_interval: timedelta = timedelta(seconds=60)
    sweep_interval: timedelta = timedelta(minutes=10)
    gauges_interval: timedelta = timedelta(seconds=10)

    shutdown_grace: timedelta = timedelta(seconds=5)
    """How long `stop` waits for creates that are under way, after it has released the lease."""

    def __post_init__(self) -> None:
        if not self.gateway:
            raise ValueError("gateway: the installation's name is required")
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, timedelta) and value < timedelta(0):
                raise ValueError(f"{name}: must not be below zero")
        if self.lease_margin >= self.lease:
            raise ValueError("lease_margin: must be shorter than the lease")
        if self.list_lag < LEAST_LIST_LAG:
            raise ValueError(f"list_lag: at least {LEAST_LIST_LAG.total_seconds():.0f} s")
        if self.settle and self.settle < self._least_settle:
            raise ValueError(f"settle: at least {self._least_settle.total_seconds():.0f} s with these timeouts")
        for name in ("max_ambiguous", "submits_in_flight"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")

    @property
    def settle_after(self) -> timedelta:
        """T, counted from the time at which a row became SUBMITTING."""
        return self.settle or self._least_settle

    @property
    def _least_settle(self) -> timedelta:
        return self.create_deadline + self.tcp_user_timeout + self.list_lag
