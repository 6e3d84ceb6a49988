"""The `pollux` command: the rooms of the house put together for one user at a keyboard.

Nothing heavy is imported before it is needed, so that `pollux --help` answers at once.
"""

import logging
import os
import sys
import traceback
from types import TracebackType

from pollux.cli import asking, genome, keeping, taking, warm
from pollux.cli.app import app
from pollux.cli.printing import complain
from pollux.errors import PolluxError
from pollux.visible import visible, visible_lines

__all__ = ["app", "asking", "genome", "keeping", "main", "taking", "warm"]


def main() -> None:
    """Run the command; what goes wrong is one sentence on the error stream and an exit code of 1."""
    sys.excepthook = _unforeseen
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Shown())
    try:
        app()
    except PolluxError as error:
        complain(f"pollux: {error}")
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has seen enough
        sys.exit(0)
    except OSError as error:
        complain(f"pollux: {error.strerror or error} [{os.fsdecode(error.filename or '')}]")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


class _Shown(logging.Formatter):
    """What is logged and goes to a terminal since nobody said where to."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error that nobody thought of, as Python tells it."""
    sys.stderr.write(visible_lines("".join(traceback.format_exception(kind, error, trace))))
