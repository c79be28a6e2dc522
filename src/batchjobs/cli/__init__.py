"""The `batchjobs` command."""

import os
import sys

# gRPC reads it when it is imported: what it would add on stderr, the command says itself, once and in sentences.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

try:
    from batchjobs.cli.main import main
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"click", "rich"}:
        raise

    def main(arguments: list[str] | None = None) -> None:  # noqa: ARG001 - the same shape as the real one
        """Say what to install, where the command's own libraries are not there."""
        sys.exit("The batchjobs command needs click and rich: pip install 'batch-jobs-gateway[cli]'")


__all__ = ["main"]
