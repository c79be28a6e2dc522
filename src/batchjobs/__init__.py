"""What callers install: the generated stubs of `batchjobs.v1` and the `batchjobs` command."""
