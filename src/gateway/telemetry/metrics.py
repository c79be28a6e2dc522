"""Every metric of the gateway, in groups, on a registry that is passed in. There are no module globals."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from gateway.telemetry.identity_metrics import IdentityMetrics
from gateway.telemetry.job_metrics import JobMetrics
from gateway.telemetry.leader_gauges import LeaderGauges
from gateway.telemetry.loop_metrics import LoopMetrics
from gateway.telemetry.names import LabelNames
from gateway.telemetry.process_metrics import PolicyMetrics, ProcessMetrics, VertexMetrics
from gateway.telemetry.rpc_metrics import RpcMetrics


class Metrics:
    """The metrics of one process.

    `names` bounds the team and model labels and follows the policy in force. `rpcs` is the gRPC server's; `jobs` is
    kept by whoever commits a change; `leader` is the leader's alone; `loops`, `vertex`, `policy`, `identity` and
    `process` say what this process did.
    """

    def __init__(self, registry: CollectorRegistry, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.registry = registry
        self.names = LabelNames()
        self.rpcs = RpcMetrics(registry)
        self.jobs = JobMetrics(registry, self.names)
        self.leader = LeaderGauges(registry, self.names, monotonic)
        self.loops = LoopMetrics(registry)
        self.vertex = VertexMetrics(registry)
        self.policy = PolicyMetrics(registry)
        self.identity = IdentityMetrics(registry)
        self.process = ProcessMetrics(registry)
