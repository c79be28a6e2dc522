"""Measurements of speed and size; see `python -m bench`."""

import os

# The emulator serves gRPC in this process while gateways are started from it: gRPC's handlers of a fork are not safe
# then, and the child needs none, since it becomes another program at once. gRPC reads this when it is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
