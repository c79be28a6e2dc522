"""What every test may ask for."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["support.database", "support.gateway", "support.secured", "support.schedules.figures"]

# What is tested is what comes out, not how fast: a machine that is busy for a moment fails no test.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
