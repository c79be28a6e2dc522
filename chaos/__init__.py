"""Three replicas, much killing, and an audit that reads what came of it: `python -m chaos`."""
