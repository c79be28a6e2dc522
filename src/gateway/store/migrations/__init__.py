"""The schema's history. Each version lets the binaries on either side of it run: columns come before their use."""
