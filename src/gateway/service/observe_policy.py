"""What follows every look at the policy file that found something new: metrics and a log line."""

import structlog

from gateway.clock import Clock
from gateway.policy.load import PolicyError
from gateway.policy.model import Policy
from gateway.service.model_labels import model_labels
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class PolicyMetricsObserver:
    """Keeps the policy metrics, and the names that other metrics may show, in step with the policy in force."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def policy_loaded(self, policy: Policy) -> None:
        """The file was read and is in force."""
        self._metrics.names.replace(teams=policy.teams, model_label=model_labels(policy))
        self._metrics.policy.loaded(policy.hash, self._clock.now().timestamp())
        log.info("policy in force", policy=policy.hash, teams=len(policy.teams), pools=len(policy.pools))

    def policy_refused(self, error: PolicyError, in_force: Policy | None) -> None:
        """The file was refused; the old policy stays."""
        self._metrics.policy.refused()
        log.error("policy refused", error=str(error), in_force=None if in_force is None else in_force.hash)
