"""What every test may ask for."""

pytest_plugins = ["support.database", "support.gateway"]
