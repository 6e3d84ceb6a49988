"""The `pollux` command: the rooms of the house put together for one user at a keyboard.

Nothing heavy is imported before it is needed, so that `pollux --help` answers at once.
"""

import os
import sys

from pollux.cli import asking, genome, keeping, taking, warm
from pollux.cli.app import app
from pollux.errors import PolluxError

__all__ = ["app", "asking", "genome", "keeping", "main", "taking", "warm"]


def main() -> None:
    """Run the command; what goes wrong is one sentence on the error stream and an exit code of 1."""
    try:
        app()
    except PolluxError as error:
        print(f"pollux: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has seen enough
        sys.exit(0)
    except OSError as error:
        print(f"pollux: {error.strerror or error} [{error.filename or ''}]", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
