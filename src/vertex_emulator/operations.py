"""Long-running operations: what a delete answers, and what its caller then asks about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.cloud.aiplatform_v1.types import DeleteOperationMetadata
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from vertex_emulator.errors import not_found


class Operations:
    """The operations of one emulator, by name."""

    def __init__(self) -> None:
        self._operations: dict[str, Any] = {}

    def begin(self, name: str, now: datetime) -> Any:
        metadata = DeleteOperationMetadata.pb()()
        metadata.generic_metadata.create_time.FromDatetime(now)
        metadata.generic_metadata.update_time.FromDatetime(now)
        operation = operations_pb2.Operation(name=name)
        operation.metadata.Pack(metadata)
        self._operations[name] = operation
        return operation

    def finish(self, name: str) -> None:
        operation = self._operations[name]
        operation.done = True
        # A done operation that carries no response is an error to Google's Python client.
        operation.response.Pack(empty_pb2.Empty())

    def get(self, name: str) -> Any:
        """The operation; NOT_FOUND if there is none."""
        operation = self._operations.get(name)
        if operation is None:
            raise not_found(f"The operation does not exist: {name}")
        return operation
