"""The `gateway` command."""

import os

# gRPC reads it when it is first used: its handlers would complain on stderr when `gateway dev` starts Envoy.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# gRPC reads it when it is imported: it would tell on stderr, and not as JSON, of each handshake that somebody fails.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
