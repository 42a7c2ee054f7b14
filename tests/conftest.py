"""What the tests of all rings share."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["harness.fixtures"]

# How fast an example is made says how busy the machine is, and nothing of the strategy.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")
