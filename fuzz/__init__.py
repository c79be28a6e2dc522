"""Hostile input against every RPC of a real gateway; see `python -m fuzz`."""
