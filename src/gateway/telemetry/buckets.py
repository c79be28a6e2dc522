"""Histogram bounds, in seconds."""

from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE

CALL: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""For calls, ours and those to other services."""

VERTEX: Final = (0.1, 0.5, 1, 2.5, 5, 10, 20)
"""For calls to Vertex. Fewer: they are kept for each method, region and code."""

BATCH: Final = (1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR)
"""For what happens to a batch job: one second to the seventy-two hours that Vertex may let it wait."""

WHOLE: Final = tuple(bound for bound in BATCH if bound not in {1, 5, 15, 5 * MINUTE})
"""For a batch job from create to end. Fewer: they are kept for each team, and hardly any ends within minutes."""
