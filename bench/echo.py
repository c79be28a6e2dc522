"""A bare gRPC server to compare with: grpc.aio on uvloop, one unary method, one answer, nothing around it.

`python -m bench.echo METHOD ANSWER_FILE` reads a request of the contract and writes a BatchJob, as the gateway does. It
prints its port.
"""

import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf import message_factory

from batchjobs.v1 import batch_jobs_pb2 as pb

SERVICE: Any = pb.DESCRIPTOR.services_by_name["BatchJobs"]


async def serve(method: str, answer: pb.BatchJob) -> None:
    request = message_factory.GetMessageClass(SERVICE.methods_by_name[method].input_type)

    async def echo(_request: Any, _context: Any) -> pb.BatchJob:
        return answer

    handler = grpc.unary_unary_rpc_method_handler(
        echo, request_deserializer=request.FromString, response_serializer=pb.BatchJob.SerializeToString
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.full_name, {method: handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    method, answer = sys.argv[1:]
    uvloop.run(serve(method, pb.BatchJob.FromString(Path(answer).read_bytes())))


if __name__ == "__main__":
    main()
