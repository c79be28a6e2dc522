"""The outermost layer: counts every call, refused ones included."""

import time
from typing import Any

import grpc

from gateway.api.call import Call, Proceed
from gateway.telemetry.rpc_metrics import RpcMetrics


class Counting:
    """`grpc_server_*` metrics under the usual names."""

    def __init__(self, metrics: RpcMetrics) -> None:
        self._metrics = metrics

    async def around(self, call: Call, proceed: Proceed) -> Any:
        """Count the start, and the end with its code and, for unary calls, its time."""
        began = time.perf_counter()
        labels = (call.kind, call.service, call.method)
        self._metrics.started(*labels)
        try:
            answer = await proceed(call)
        except BaseException as error:
            self._metrics.handled(*labels, usual_name(call.ended_by(error)), time.perf_counter() - began)
            raise
        self._metrics.handled(*labels, "OK", time.perf_counter() - began)
        return answer


def usual_name(code: grpc.StatusCode) -> str:
    """The spelling that gRPC dashboards expect: `OK`, `NotFound`."""
    return "OK" if code is grpc.StatusCode.OK else "".join(part.capitalize() for part in code.name.split("_"))
