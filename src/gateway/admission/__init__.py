"""The checks at create, in their order: shape, policy, place, quotas. Each answers everything it finds wrong at once."""
