"""The rows of a batch: what makes one good or bad, and the answer that a good one gets."""
