"""The generated messages, service classes and error reasons of the package `batchjobs.v1`."""
