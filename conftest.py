"""What holds for tests and doctests alike."""

pytest_plugins = ["tests.budget", "tests.sharing_out"]
