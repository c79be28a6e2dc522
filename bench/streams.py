"""A bare gRPC server of streams to compare with: grpc.aio on uvloop, nothing around it, nothing behind it.

`python -m bench.streams EVENT_FILE` serves WatchBatchJob: each stream is sent the event once, and again, marked, each
time the process gets SIGUSR1. It prints its port.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop

from batchjobs.v1 import batch_jobs_pb2 as pb

SERVICE: Any = pb.DESCRIPTOR.services_by_name["BatchJobs"]
METHOD = "WatchBatchJob"


def mark(number: int) -> str:
    """What the change of that number carries as the reason of its last transition."""
    return f"ROUND_{number:06}"


class Streams:
    """Every stream waits for the same thing."""

    def __init__(self, event: pb.WatchEvent) -> None:
        self._event, self._number = event, 0
        self._changed = asyncio.Event()

    def change(self) -> None:
        """Send the next event to all."""
        self._number += 1
        event = pb.WatchEvent()
        event.CopyFrom(self._event)
        event.batch_job.transitions[-1].reason = mark(self._number)
        self._event = event
        self._changed.set()
        self._changed = asyncio.Event()

    async def watch(self, _request: pb.WatchBatchJobRequest, context: Any) -> None:
        while True:
            changed = self._changed
            await context.write(self._event)
            await changed.wait()


async def serve(event: pb.WatchEvent) -> None:
    streams = Streams(event)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, streams.change)
    handler = grpc.unary_stream_rpc_method_handler(
        streams.watch,
        request_deserializer=pb.WatchBatchJobRequest.FromString,
        response_serializer=pb.WatchEvent.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.full_name, {METHOD: handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(pb.WatchEvent.FromString(Path(sys.argv[1]).read_bytes())))
