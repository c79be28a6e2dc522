"""The `batchjobs` command."""

import sys

try:
    from batchjobs.cli.main import main
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"click", "rich"}:
        raise

    def main(arguments: list[str] | None = None) -> None:  # noqa: ARG001 - the same shape as the real one
        """Say what to install, where the command's own libraries are not there."""
        sys.exit("The batchjobs command needs click and rich: pip install 'batch-jobs-gateway[cli]'")


__all__ = ["main"]
