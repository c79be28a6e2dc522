"""The checks at create, in their order: shape, policy, place, quotas. Each answers all that it finds wrong."""
