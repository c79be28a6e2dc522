"""A rolling restart, and a rolling upgrade across the newest migration, under load, with every failed call counted."""
