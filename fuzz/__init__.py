"""Hostile input against every RPC of a real gateway; see `python -m fuzz`."""

import os

# As in bench: this process serves gRPC, in the emulator, while it starts others. gRPC reads it when it is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
