"""What holds for tests and doctests alike."""

pytest_plugins = ["tests.budget"]
