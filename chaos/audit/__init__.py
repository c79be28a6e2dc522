"""Reads the evidence of a run and judges it. It knows the promises and imports nothing of the gateway."""
