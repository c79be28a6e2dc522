"""What callers install: the generated stubs of `batchjobs.v1`, `batchjobs.client`, and the `batchjobs` command."""
