"""What the tests of all rings share."""

pytest_plugins = ["harness.fixtures"]
